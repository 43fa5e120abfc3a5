"""Generated cases take as long as the machine is busy: time is no property, so there is no deadline."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
