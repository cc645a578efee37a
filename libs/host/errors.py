"""Why a command ends, as exit codes that scripts can rely on."""

from typing import ClassVar

EXIT_CODES = {
    0: "it worked",
    1: "it ran and found or left something wrong; the output says what",
    2: "a wrong option or setting, named in one sentence",
    3: "something it needs is not there: database, broker, port or data folder",
}


class HostError(Exception):
    """Ends a command with one sentence instead of a traceback."""

    exit_code: ClassVar[int] = 1


class CheckFailed(HostError):
    """What was checked is not as it should be."""


class WrongSetting(HostError):
    """A setting is missing or wrong; the sentence names the variable and what would be right."""

    exit_code = 2


class NotAvailable(HostError):
    """The database, the broker, the port or the data folder cannot be used now."""

    exit_code = 3
