//! The outlines of the generated shapes and how much of a pixel they cover.

/// A shape that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeKind {
    /// A filled disc.
    Circle,
    /// A square.
    Square,
    /// An equilateral triangle.
    Triangle,
    /// A star of five points.
    Star,
    /// Two crossed bars.
    Cross,
    /// A disc with a hole.
    Ring,
    /// A disc with a bite taken by another disc.
    Crescent,
    /// A bar, four times as long as wide.
    Bar,
}

impl ShapeKind {
    /// All shapes, in the order of their class numbers.
    pub const ALL: [Self; 8] =
        [Self::Circle, Self::Square, Self::Triangle, Self::Star, Self::Cross, Self::Ring, Self::Crescent, Self::Bar];

    /// The name of the class.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Star => "star",
            Self::Cross => "cross",
            Self::Ring => "ring",
            Self::Crescent => "crescent",
            Self::Bar => "bar",
        }
    }

    /// Whether the point (`u`, `v`) lies in the shape, which reaches about as far as the unit circle around the origin.
    pub fn contains(self, u: f64, v: f64) -> bool {
        /// Sine of 60° and cosine of 45°.
        const SIN_60: f64 = 0.866_025_403_784_438_6;
        const COS_45: f64 = std::f64::consts::FRAC_1_SQRT_2;
        let squared = u * u + v * v;
        match self {
            Self::Circle => squared <= 1.0,
            Self::Square => u.abs().max(v.abs()) <= COS_45,
            // Half-planes at distance 1/2 from the centre.
            Self::Triangle => v <= 0.5 && SIN_60 * u.abs() - 0.5 * v <= 0.5,
            Self::Star => in_star(u, v),
            Self::Cross => u.abs().min(v.abs()) <= 0.28 && u.abs().max(v.abs()) <= 0.95,
            Self::Ring => (0.3..=1.0).contains(&squared),
            Self::Crescent => squared <= 1.0 && (u - 0.55) * (u - 0.55) + v * v > 0.64,
            Self::Bar => u.abs() <= 0.97 && v.abs() <= 0.97 / 4.0,
        }
    }

    /// The share of the pixel at column `x` of row `y` that the shape covers, in `0..=1`, from
    /// [`SUBSAMPLES`]² points in it.
    pub(crate) fn coverage(self, pose: &Pose, x: u32, y: u32) -> f64 {
        let (x, y) = (f64::from(x), f64::from(y));
        let [u, v] = pose.to_local(x + 0.5, y + 0.5);
        // Half the diagonal of a pixel, in units of the shape: further out than this the pixel is all background.
        let reach = 1.0 + std::f64::consts::FRAC_1_SQRT_2 / pose.radius;
        if u * u + v * v > reach * reach {
            return 0.0;
        }
        let mut inside = 0;
        for row in 0..SUBSAMPLES {
            for column in 0..SUBSAMPLES {
                let offset = |step: u32| (f64::from(step) + 0.5) / f64::from(SUBSAMPLES);
                let [u, v] = pose.to_local(x + offset(column), y + offset(row));
                inside += u32::from(self.contains(u, v));
            }
        }
        f64::from(inside) / f64::from(SUBSAMPLES * SUBSAMPLES)
    }
}

/// Points along each side of a pixel.
const SUBSAMPLES: u32 = 4;

/// A star of five points {5/2}: a point is inside where it lies within at least four of the five lines through pairs of
/// outer corners.
fn in_star(u: f64, v: f64) -> bool {
    /// cos(72°): distance of the lines from the centre when the points lie on the unit circle.
    const DISTANCE: f64 = 0.309_016_994_374_947_45;
    /// Directions at right angles to the lines: cosine and sine of 90°, 162°, 234°, 306° and 18°.
    const NORMALS: [(f64, f64); 5] = [
        (0.0, 1.0),
        (-0.951_056_516_295_153_5, DISTANCE),
        (-0.587_785_252_292_473_1, -0.809_016_994_374_947_5),
        (0.587_785_252_292_473_1, -0.809_016_994_374_947_5),
        (0.951_056_516_295_153_5, DISTANCE),
    ];
    NORMALS.iter().filter(|(across, down)| u * across + v * down <= DISTANCE).count() >= 4
}

/// Where a shape lies: centre, radius of its enclosing circle and rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    centre: [f64; 2],
    radius: f64,
    cosine: f64,
    sine: f64,
}

impl Pose {
    /// `centre` and `radius` in pixels, `turns` in full turns.
    pub(crate) fn new(centre: [f64; 2], radius: f64, turns: f64) -> Self {
        let (sine, cosine) = sine_cosine(turns);
        Self { centre, radius, cosine, sine }
    }

    /// Centre in pixels.
    pub(crate) const fn centre(&self) -> [f64; 2] {
        self.centre
    }

    /// Radius in pixels.
    pub(crate) const fn radius(&self) -> f64 {
        self.radius
    }

    /// The position (`x`, `y`) of the picture in the shape's own units.
    pub(crate) fn to_local(self, x: f64, y: f64) -> [f64; 2] {
        let (dx, dy) = ((x - self.centre[0]) / self.radius, (y - self.centre[1]) / self.radius);
        [dx * self.cosine + dy * self.sine, dy * self.cosine - dx * self.sine]
    }
}

/// Sine and cosine of an angle in turns, `0.0..1.0`, from additions and multiplications alone, so that they are the
/// same on every machine (the standard library's are not). Exact to 1e-13.
fn sine_cosine(turns: f64) -> (f64, f64) {
    // Taylor series of sine and cosine around 0 for an eighth of the angle, then doubled three times.
    let angle = turns * (std::f64::consts::TAU / 8.0);
    let (mut sine, mut cosine, mut term) = (0.0, 0.0, 1.0);
    for order in 0..18 {
        // `term` is angle^order / order! without its sign.
        match order % 4 {
            0 => cosine += term,
            1 => sine += term,
            2 => cosine -= term,
            _ => sine -= term,
        }
        term *= angle / f64::from(order + 1);
    }
    for _ in 0..3 {
        (sine, cosine) = (2.0 * sine * cosine, cosine * cosine - sine * sine);
    }
    (sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the square from -1 to 1 that the shape fills, times 4: its area in units of the squared radius.
    fn area(kind: ShapeKind) -> f64 {
        const STEPS: i32 = 1000;
        let at = |step: i32| (f64::from(step) + 0.5) / f64::from(STEPS) * 2.0 - 1.0;
        let inside = (0..STEPS).flat_map(|y| (0..STEPS).map(move |x| (x, y)));
        4.0 * inside.filter(|&(x, y)| kind.contains(at(x), at(y))).count() as f64 / f64::from(STEPS * STEPS)
    }

    #[test]
    fn areas_are_those_of_the_figures() {
        use std::f64::consts::PI;
        for (kind, expected) in [
            (ShapeKind::Circle, PI),
            (ShapeKind::Square, 2.0),
            // Side √3: √3/4 · 3.
            (ShapeKind::Triangle, 1.299_04),
            // Pentagram of circumradius 1: 5 · sin 36° · (inner radius cos 72° / cos 36° = 0.381966) = 1.12257.
            (ShapeKind::Star, 1.122_57),
            // Two bars 1.9 × 0.56 less the middle square: 2 · 1.064 - 0.3136.
            (ShapeKind::Cross, 1.814_4),
            (ShapeKind::Ring, 0.7 * PI),
            (ShapeKind::Bar, 1.94 * 0.485),
        ] {
            assert!((area(kind) - expected).abs() < 0.01, "{}: {} and not {expected}", kind.name(), area(kind));
        }
    }

    #[test]
    fn sine_and_cosine_agree_with_the_standard_library() {
        for step in 0..1000 {
            let turns = f64::from(step) / 1000.0;
            let (sine, cosine) = sine_cosine(turns);
            let angle = turns * std::f64::consts::TAU;
            assert!((sine - angle.sin()).abs() < 1e-13 && (cosine - angle.cos()).abs() < 1e-13, "{turns} turns");
        }
    }

    #[test]
    fn coverage_sums_to_the_area() {
        let pose = Pose::new([16.0, 16.0], 10.0, 0.13);
        let sum: f64 = (0..32)
            .flat_map(|y| (0..32).map(move |x| (x, y)))
            .map(|(x, y)| ShapeKind::Square.coverage(&pose, x, y))
            .sum();
        // A square of half diagonal 10 has the area 200.
        assert!((sum - 200.0).abs() < 2.0, "{sum}");
    }
}
