"""Transport of a track state through an arm: exact helix with derivatives.

State: x, y (cm), tx = dx/dz, ty = dy/dz, k = charge/momentum (1/GeV).
"""

from __future__ import annotations

import math
from typing import Final

from mutau.core.arrays import FloatArray
from mutau.core.jit import inner
from mutau.core.records import Records
from mutau.detector.tracking_geometry import ArmStep
from mutau.transport.field_kernels import Track, orbit_kernel

#: Multiply-and-add in one instruction, the only liberty taken with IEEE arithmetic.
FUSED: Final = {"fastmath": {"contract"}}


@inner(**FUSED)
def _asin_slope(s: float, g: float, c: float, c_out: float) -> tuple[float, float, float]:
    """D = (asin(s + g) - asin s)/g and its derivatives by the end and by the start of s.

    c, c_out : sqrt(1 - s^2) at start and end. Series about the middle for small g: to 1e-14.
    """
    if abs(g) > 0.03:  # below, the closed form's differences lose digits
        turn = math.atan2((s + g) * c - s * c_out, c * c_out + s * (s + g))
        d = turn / g
        return d, (1.0 / c_out - d) / g, (d - 1.0 / c) / g
    m, h2 = s + 0.5 * g, 0.25 * g * g
    q = 1.0 / (1.0 - m * m)
    f = math.sqrt(q)
    m2 = m * m
    f1, f2 = m * f * q, (1.0 + 2.0 * m2) * f * q * q
    # derivatives f1 ... f6 of (1 - m^2)^(-1/2), of Taylor's series of asin
    f3, f4 = (9.0 + 6.0 * m2) * m * f * q**3, (9.0 + 72.0 * m2 + 24.0 * m2 * m2) * f * q**4
    d = f + h2 * (f2 / 6.0 + h2 * f4 / 120.0)
    f5 = (225.0 + 600.0 * m2 + 120.0 * m2 * m2) * m * f * q**5
    by_m = f1 + h2 * (f3 / 6.0 + h2 * f5 / 120.0)
    f6 = (225.0 + 4050.0 * m2 + 5400.0 * m2 * m2) * f * q**6
    by_h = 0.5 * g * (f2 / 3.0 + h2 * (f4 / 30.0 + h2 * f6 / 840.0))
    return d, 0.5 * (by_m + by_h), 0.5 * (by_m - by_h)


@inner(**FUSED)
def bend_kernel(
    track: Track, k: float, length: float, curve: float, jac: FloatArray
) -> tuple[Track, bool]:
    """Exact helix over `length` cm in a uniform field across u; (track behind, went through).

    track : u, v (cm), du/dz, dv/dz. curve : 0.2998 B, GeV/cm. jac : (4, 3), receives
    d(u, v, tu, tv)/d(tu, tv, k).
    From the momentum across v: sin(angle) changes by curve k length p/p_across exactly.
    Check: curve = 0 is a straight line; energy and p_v are conserved.
    """
    u, v, tu, tv = track
    a = 1.0 + tu * tu
    c2 = 1.0 / a
    c = math.sqrt(c2)
    s = tu * c
    r = math.sqrt(1.0 + tv * tv * c2)
    per_k = curve * length * r
    g = per_k * k
    s_out = s + g
    # turned to within 1 mrad of the direction across: it curls back
    if s_out * s_out >= 0.999999:
        return track, False
    c_out = math.sqrt(1.0 - s_out * s_out)
    over = 1.0 / c_out
    d, by_end, by_start = _asin_slope(s, g, c, c_out)
    ratio = (s + s_out) / (c + c_out)
    w = tv * c
    arc = length * d
    per_r = g / (r * r) * c2 * tv  # dg/dr dr/dtv
    cube = over * over * over
    for j in range(3):  # by tu, tv, k
        ds, dc, dw, dg = 0.0, 0.0, 0.0, per_k
        if j == 0:
            ds, dc, dw, dg = c2 * c, -s * c2, -tv * s * c2, -per_r * tu * tv * c2
        elif j == 1:
            dw, dg = c, per_r
        ds_out = ds + dg
        dc_out = -s_out * over * ds_out
        jac[0, j] = length * (ds + ds_out - ratio * (dc + dc_out)) / (c + c_out)
        jac[1, j] = dw * arc + w * length * (by_end * ds_out + by_start * ds)
        jac[2, j] = cube * ds_out
        jac[3, j] = dw * over + w * s_out * cube * ds_out
    return (u + length * ratio, v + w * arc, s_out * over, w * over), True


@inner(**FUSED)
def bend_step(
    track: Track, k: float, length: float, step: ArmStep, jac: FloatArray
) -> tuple[Track, bool]:
    """`bend_kernel` with the field of a step, over `length` cm; track : x, y, dx/dz, dy/dz."""
    if step.axis == 0:
        return bend_kernel(track, k, length, step.curve, jac)
    x, y, tx, ty = track
    (y, x, ty, tx), ok = bend_kernel((y, x, ty, tx), k, length, step.curve, jac)
    return (x, y, tx, ty), ok


@inner(**FUSED)
def reference_kernel(
    state: FloatArray,
    steps: Records[ArmStep],
    field: FloatArray,
    at: FloatArray,
    jac: FloatArray,
    shrink: FloatArray,
) -> bool:
    """Carry a state through the steps; False where the field turns it back.

    In a map the orbit is that of the map, its derivatives those of the field on the axis: the
    passes of a fit settle where they would with exact ones, to first order in what differs.
    field : maps, `Arm.map`. state : (5,) at the first plane; left as it is. at : (P, 2), receives
    x, y at the planes.
    jac : (S, 4, 3), derivatives of the steps in a field. shrink : (S,), dk/dk over the loss of
    each step.
    """
    x, y, tx, ty, k = state
    for i in range(len(steps)):
        step = steps[i]
        length = step.length
        inside = field.size > 0 and step.map >= 0
        before = x, y, tx, ty
        if step.curve != 0.0:
            (x, y, tx, ty), ok = bend_step(before, k, length, step, jac[i])
            if not ok:
                return False
        elif not inside:
            x += length * tx
            y += length * ty
        if inside:
            x, y, tx, ty, alive = orbit_kernel(field, step.map, before, step.start, k, length)
            if alive == 0.0:
                return False
        if step.plane >= 0:
            at[step.plane, 0], at[step.plane, 1] = x, y
        keep = 1.0 - abs(k) * step.loss
        if keep < 0.1:
            return False
        shrink[i] = 1.0 / (keep * keep)
        k /= keep
    return True
