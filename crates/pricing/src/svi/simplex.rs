//! The downhill simplex in two dimensions (Nelder and Mead 1965).

/// A corner: where, and the value there.
type Corner = ([f64; 2], f64);

/// The lowest point found from a starting triangle.
///
/// Ends after `steps` steps or when the triangle's values agree to `tolerance`,
/// relative. Every operation is IEEE basic, so the path is the same everywhere.
pub(super) fn minimise(
    start: [[f64; 2]; 3],
    steps: usize,
    tolerance: f64,
    value: impl Fn([f64; 2]) -> f64,
) -> Corner {
    let mut corners: [Corner; 3] = start.map(|corner| (corner, value(corner)));
    for _ in 0..steps {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let [best, middle, worst] = corners;
        if worst.1 - best.1 <= tolerance * best.1.abs() {
            break;
        }
        // The point `reach` times as far beyond the better side as the worst is before it.
        let beyond = |reach: f64| {
            let point: [f64; 2] = std::array::from_fn(|axis| {
                let centre = 0.5 * (best.0[axis] + middle.0[axis]);
                centre + reach * (centre - worst.0[axis])
            });
            (point, value(point))
        };
        let reflected = beyond(1.0);
        let candidate = if reflected.1 < best.1 {
            let expanded = beyond(2.0);
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < middle.1 {
            reflected
        } else if reflected.1 < worst.1 {
            beyond(0.5)
        } else {
            beyond(-0.5)
        };
        if candidate.1 < worst.1 {
            corners[2] = candidate;
        } else {
            for corner in &mut corners[1..] {
                let shrunk = std::array::from_fn(|axis| 0.5 * (corner.0[axis] + best.0[axis]));
                *corner = (shrunk, value(shrunk));
            }
        }
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley, from his own starting point.
    #[test]
    fn a_bent_valley_is_followed() {
        let valley = |[x, y]: [f64; 2]| 100.0 * (y - x * x) * (y - x * x) + (1.0 - x) * (1.0 - x);
        let start = [[-1.2, 1.0], [-1.0, 1.0], [-1.2, 1.2]];
        let ([x, y], least) = minimise(start, 500, 0.0, valley);
        assert!((x - 1.0).abs() < 1e-6 && (y - 1.0).abs() < 1e-6 && least < 1e-12);
    }
}
