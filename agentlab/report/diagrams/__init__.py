"""Pictures of organizations: who may write to whom and, of a run, how often they did."""
