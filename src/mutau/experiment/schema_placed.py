"""The schema's base of what stands in the set-up: a place, a shape across the beam, a hole.

Units and conventions as in `schema`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mutau.core.errors import MutauError, NotApplicable
from mutau.experiment.quantities import Length, LengthNotNegative, PositiveLength, Text
from mutau.experiment.schema_beam import FileTable


class Placed(FileTable):
    """Something with a name, a place and a size transverse to the beam (cm): width and height, or
    for a round thing the radius.

    A calculation asks `covers` or `half_sizes`, which know both shapes. `width` and `height` are
    for those that can do rectangles only: of a round thing they refuse, naming it.
    """

    name: Text
    z: Length
    x: Length = 0.0
    y: Length = 0.0
    stated_width: PositiveLength | None = Field(None, alias="width")
    stated_height: PositiveLength | None = Field(None, alias="height")
    radius: PositiveLength | None = None

    #: Whether a file may state it as round.
    may_be_round: ClassVar[bool] = True

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.radius is not None and not self.may_be_round:
            kind = type(self).__name__.lower()
            raise MutauError(f"a {kind} is rectangular; write `width` and `height`, not `radius`")
        sides = [self.stated_width is not None, self.stated_height is not None]
        if self.radius is not None and any(sides):
            raise MutauError("states `radius` beside `width` or `height`; keep one shape")
        if self.radius is None and not all(sides):
            lacks = " and ".join(k for k, there in zip(("width", "height"), sides, strict=True)
                                 if not there)  # fmt: skip
            other = " (or a `radius`)" if self.may_be_round else ""
            raise MutauError(f"`{lacks}` is missing{other}")
        return self

    @model_serializer(mode="wrap")
    def _as_in_the_file(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plain data by the keys of the file; the radius only where it is stated."""
        names = {"stated_width": "width", "stated_height": "height"}
        found = {names.get(key, key): value for key, value in plain(self).items()}
        unstated = ("radius",) if self.radius is None else ("width", "height")
        return {key: value for key, value in found.items() if key not in unstated}

    @property
    def half_sizes(self) -> tuple[float, float]:
        """Half width and half height of the rectangle around it, cm."""
        if self.radius is not None:
            return self.radius, self.radius
        return self.width / 2.0, self.height / 2.0

    @property
    def width(self) -> float:
        """Width of a rectangle, cm. Raises NotApplicable for a round thing."""
        return self._side(self.stated_width)

    @property
    def height(self) -> float:
        """Height of a rectangle, cm. Raises NotApplicable for a round thing."""
        return self._side(self.stated_height)

    def _side(self, stated: float | None) -> float:
        if stated is None:
            raise NotApplicable(
                f"{self.name!r} is round (radius = {self.radius:g} cm), and this calculation can "
                "do rectangular shapes only",
                remedy="state `width` and `height`, for example of the square of the same area",
            )
        return stated

    def covers(self, x: Any, y: Any) -> Any:
        """Whether points (cm, numbers or arrays) are on its area, edges included; in no hole."""
        dx, dy = abs(x - self.x), abs(y - self.y)
        half_x, half_y = self.half_sizes
        if self.radius is not None:
            return dx * dx + dy * dy <= self.radius**2
        return (dx <= half_x) & (dy <= half_y)

    @property
    def extent(self) -> float:
        """Length along z, cm."""
        return 0.0


class Holed(Placed):
    """A placed thing with a rectangular hole in its centre (0: none)."""

    hole_width: LengthNotNegative = 0.0
    hole_height: LengthNotNegative = 0.0

    def covers(self, x: Any, y: Any) -> Any:
        """As `Placed.covers`; what is inside the hole, its edge left out, is not covered."""
        inside = (abs(x - self.x) < self.hole_width / 2.0) & (
            abs(y - self.y) < self.hole_height / 2.0
        )
        return super().covers(x, y) & (inside == 0)

    @model_validator(mode="after")
    def _hole_fits(self) -> Self:
        half_x, half_y = self.half_sizes
        corner = math.hypot(self.hole_width, self.hole_height) / 2.0
        beyond = self.radius is not None and corner >= self.radius
        if beyond or self.hole_width >= 2.0 * half_x or self.hole_height >= 2.0 * half_y:
            raise MutauError("the hole is as large as the thing itself")
        if (self.hole_width == 0.0) != (self.hole_height == 0.0):
            raise MutauError("a hole needs hole_width and hole_height")
        return self
