"""Data set plug-ins: one short declaration per file, in a constant ``SET`` of type ``ImageSet``."""
