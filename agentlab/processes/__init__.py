"""Programs that run as files in processes of their own; no name here may be that of a module that they import."""
