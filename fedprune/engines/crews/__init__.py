"""The engines that a scenario can name, a file each: a frozen dataclass whose fields are keys of
``[engine]``."""
