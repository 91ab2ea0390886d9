"""No example is given a time: on a loaded machine any of them takes longer than hypothesis's 200 ms once in a while."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
