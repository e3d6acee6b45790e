"""The physicist's limit: three events, for nothing seen and no background."""

from mutau.core.errors import MutauError
from mutau.stats import CountingModel, Method
from mutau.stats.methods import Options


def limit(model: CountingModel, options: Options) -> tuple[float, float, int]:
    """(strength, its error, toys used). Raises MutauError for a background or an observed event."""
    if any(channel.background or channel.observed for channel in model.channels):
        raise MutauError("toy-three is for nothing seen and no background", place="method")
    return 3.0 / sum(channel.signal for channel in model.channels), 0.0, 0


THREE_EVENTS = Method(
    limit, "S < 3, whatever the confidence level", "nothing seen, no background",
    projection="zero",
)  # fmt: skip
