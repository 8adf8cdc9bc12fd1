"""How well judges agree, what moves them, and means corrected by labels."""
