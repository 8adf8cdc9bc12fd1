"""Language models behind one method: hosted, on a server of one's own, embedded, simulated, or replayed.

An SDK is imported only by its provider's module, and that only when such a model is built. What calls models is in
`agentlab.models.serve`.
"""
