//! Connected components of a mask and their outlines: what turns a picture of classes into objects.

use crate::rle::push_run;
use crate::{Mask, Rle};

/// Which pixels are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Connectivity {
    /// 4-connectivity: those that share an edge.
    #[serde(rename = "4")]
    Four,
    /// 8-connectivity: those that share an edge or a corner.
    #[default]
    #[serde(rename = "8")]
    Eight,
}

/// A connected component: pixels of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Their class number.
    pub class: u8,
    /// How many there are.
    pub area: u64,
    /// `[left, top, right, bottom]` in pixels; right and bottom lie behind the last pixel.
    pub bounds: [u32; 4],
}

/// The connected components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    width: u32,
    height: u32,
    /// The number of each pixel's region from 1, row by row; 0 where there is none.
    labels: Vec<u32>,
    regions: Vec<Region>,
}

impl Regions {
    /// The regions of every class but `background`, in the order of their first pixels, row by row. Ignored pixels
    /// ([`Mask::IGNORE`]) belong to none.
    pub fn of(mask: &Mask, background: Option<u8>, connectivity: Connectivity) -> Self {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        let pixels = mask.pixels();
        let counts = |class: u8| class != Mask::IGNORE && Some(class) != background;
        // Provisional numbers first; those that meet later are joined in a forest whose roots are the smallest.
        let mut parents: Vec<u32> = vec![0];
        let mut labels = vec![0u32; pixels.len()];
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                if !counts(pixels[at]) {
                    continue;
                }
                let mut label = 0;
                let mut meet = |other: usize, parents: &mut Vec<u32>| {
                    if pixels[other] == pixels[at] {
                        label =
                            if label == 0 { root(parents, labels[other]) } else { join(parents, label, labels[other]) };
                    }
                };
                if x > 0 {
                    meet(at - 1, &mut parents);
                }
                if y > 0 {
                    meet(at - width, &mut parents);
                    if connectivity == Connectivity::Eight {
                        if x > 0 {
                            meet(at - width - 1, &mut parents);
                        }
                        if x + 1 < width {
                            meet(at - width + 1, &mut parents);
                        }
                    }
                }
                if label == 0 {
                    label = parents.len() as u32;
                    parents.push(label);
                }
                labels[at] = label;
            }
        }
        let mut numbers = vec![0u32; parents.len()];
        let mut regions: Vec<Region> = Vec::new();
        for (at, label) in labels.iter_mut().enumerate().filter(|(_, label)| **label != 0) {
            let root = root(&mut parents, *label) as usize;
            let (x, y) = ((at % width) as u32, (at / width) as u32);
            if numbers[root] == 0 {
                regions.push(Region { class: pixels[at], area: 0, bounds: [x, y, x + 1, y + 1] });
                numbers[root] = regions.len() as u32;
            }
            *label = numbers[root];
            let Region { area, bounds: [left, top, right, bottom], .. } = &mut regions[*label as usize - 1];
            *area += 1;
            (*left, *top) = ((*left).min(x), (*top).min(y));
            (*right, *bottom) = ((*right).max(x + 1), (*bottom).max(y + 1));
        }
        Self { width: mask.width(), height: mask.height(), labels, regions }
    }

    /// The regions, in the order of their first pixels.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Region> {
        self.regions.iter()
    }

    /// Number of regions.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The number of each pixel's region from 1, row by row; 0 where there is none.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The pixels of region `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// When there is no such region.
    pub fn pixels(&self, index: usize) -> Rle {
        let [left, top, right, bottom] = self.regions[index].bounds;
        let label = index as u32 + 1;
        let mut counts = Vec::new();
        let (mut inside, mut run) = (false, u64::from(top) + u64::from(left) * u64::from(self.height));
        for x in left..right {
            for y in top..bottom {
                if (self.label(x, y) == label) != inside {
                    push_run(&mut counts, run);
                    (inside, run) = (!inside, 0);
                }
                run += 1;
            }
            // To the first row of the next column.
            let gap = u64::from(if x + 1 < right { self.height - bottom + top } else { self.height - bottom });
            if gap > 0 && inside {
                push_run(&mut counts, run);
                (inside, run) = (false, 0);
            }
            run += gap;
        }
        if inside {
            push_run(&mut counts, run);
            run = 0;
        }
        run += u64::from(self.width - right) * u64::from(self.height);
        if run > 0 {
            push_run(&mut counts, run);
        }
        Rle::from_counts(counts, self.height, self.width).expect("every column was counted")
    }

    /// The outer outline of region `index`, counted from 0: the corners of its pixels where it turns, clockwise as
    /// seen, without repeating the first. Holes are not outlined. Pixels that touch by a corner alone are outlined
    /// together with
    /// [`Connectivity::Eight`].
    ///
    /// # Panics
    ///
    /// When there is no such region.
    pub fn outline(&self, index: usize, connectivity: Connectivity) -> Vec<[u32; 2]> {
        let Region { bounds: [left, top, right, _], .. } = self.regions[index];
        let label = index as u32 + 1;
        // The first pixel of the top row has the upper edge of the outline above it.
        let start_x = (left..right).find(|&x| self.label(x, top) == label).expect("bounds are tight");
        let start = (start_x, top);
        // Walking along the pixels' edges with the region on the right: east along an upper edge first.
        let is_inside = |x: i64, y: i64| {
            let within = x >= 0 && y >= 0 && x < i64::from(self.width) && y < i64::from(self.height);
            within && self.label(x as u32, y as u32) == label
        };
        let mut outline = vec![[start.0, start.1]];
        let (mut x, mut y, mut heading) = (i64::from(start.0), i64::from(start.1), Heading::East);
        loop {
            let (dx, dy) = heading.step();
            (x, y) = (x + dx, y + dy);
            // Of the two pixels ahead, that on the left and that on the right.
            let (ahead_left, ahead_right) = heading.ahead(x, y);
            let (on_left, on_right) = (is_inside(ahead_left.0, ahead_left.1), is_inside(ahead_right.0, ahead_right.1));
            let next = match (on_left, on_right) {
                (true, true) => heading.left(),
                (false, true) => heading,
                (false, false) => heading.right(),
                // Only the pixel across the corner: crossed where corners connect.
                (true, false) if connectivity == Connectivity::Eight => heading.left(),
                (true, false) => heading.right(),
            };
            if (x, y) == (i64::from(start.0), i64::from(start.1)) && next == Heading::East {
                return outline;
            }
            if next != heading {
                outline.push([x as u32, y as u32]);
            }
            heading = next;
        }
    }

    fn label(&self, x: u32, y: u32) -> u32 {
        self.labels[y as usize * self.width as usize + x as usize]
    }
}

/// A direction along the pixels' edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    East,
    South,
    West,
    North,
}

impl Heading {
    const fn step(self) -> (i64, i64) {
        match self {
            Self::East => (1, 0),
            Self::South => (0, 1),
            Self::West => (-1, 0),
            Self::North => (0, -1),
        }
    }

    /// The pixels beyond the corner `(x, y)`: on the left and on the right of the way.
    const fn ahead(self, x: i64, y: i64) -> ((i64, i64), (i64, i64)) {
        match self {
            Self::East => ((x, y - 1), (x, y)),
            Self::South => ((x, y), (x - 1, y)),
            Self::West => ((x - 1, y), (x - 1, y - 1)),
            Self::North => ((x - 1, y - 1), (x, y - 1)),
        }
    }

    const fn right(self) -> Self {
        match self {
            Self::East => Self::South,
            Self::South => Self::West,
            Self::West => Self::North,
            Self::North => Self::East,
        }
    }

    const fn left(self) -> Self {
        match self {
            Self::East => Self::North,
            Self::South => Self::East,
            Self::West => Self::South,
            Self::North => Self::West,
        }
    }
}

/// The smallest number that `label` was joined with; the path to it becomes shorter.
fn root(parents: &mut [u32], label: u32) -> u32 {
    let mut at = label;
    while parents[at as usize] != at {
        let above = parents[parents[at as usize] as usize];
        parents[at as usize] = above;
        at = above;
    }
    at
}

fn join(parents: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (root(parents, a), root(parents, b));
    let (smaller, larger) = (a.min(b), a.max(b));
    parents[larger as usize] = smaller;
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let pixels = rows.iter().flat_map(|row| row.bytes().map(|byte| if byte == b'.' { 0 } else { byte - b'0' }));
        Mask::from_pixels(rows[0].len() as u32, rows.len() as u32, pixels.collect()).expect("rows of one length")
    }

    /// A picture of random classes below `classes`.
    fn noise(seed: u64, width: u32, height: u32, classes: u64) -> Mask {
        let mut state = seed;
        let pixels = (0..width * height).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % classes) as u8
        });
        Mask::from_pixels(width, height, pixels.collect()).expect("as many pixels")
    }

    /// Labels by filling from each pixel that has none yet.
    fn filled(mask: &Mask, connectivity: Connectivity) -> Vec<u32> {
        let (width, height) = (mask.width() as i64, mask.height() as i64);
        let mut labels = vec![0; mask.pixels().len()];
        let mut count = 0;
        for start in 0..labels.len() {
            if mask.pixels()[start] == 0 || labels[start] != 0 {
                continue;
            }
            count += 1;
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                if labels[at] != 0 {
                    continue;
                }
                labels[at] = count;
                let (x, y) = (at as i64 % width, at as i64 / width);
                for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
                    let near: bool = connectivity == Connectivity::Eight || dx * dy == 0;
                    let (x, y) = (x + dx, y + dy);
                    if near && x >= 0 && y >= 0 && x < width && y < height {
                        let other = (y * width + x) as usize;
                        if mask.pixels()[other] == mask.pixels()[start] {
                            open.push(other);
                        }
                    }
                }
            }
        }
        labels
    }

    #[test]
    fn labels_are_those_of_filling() {
        for seed in 0..60 {
            let mask = noise(seed, 1 + seed as u32 % 17, 1 + seed as u32 % 13, 2 + seed % 3);
            for connectivity in [Connectivity::Four, Connectivity::Eight] {
                let regions = Regions::of(&mask, Some(0), connectivity);
                assert_eq!(regions.labels(), filled(&mask, connectivity), "seed {seed}, {connectivity:?}");
                for (index, region) in regions.iter().enumerate() {
                    let rle = regions.pixels(index);
                    let expected: Vec<u8> =
                        regions.labels().iter().map(|label| u8::from(*label == index as u32 + 1)).collect();
                    assert_eq!(rle.to_mask().pixels(), expected, "seed {seed}");
                    assert_eq!(rle, Rle::from_mask_pixels(&expected, mask.height(), mask.width()).expect("pixels"));
                    assert_eq!(rle.area(), region.area);
                    let [left, top, right, bottom] = region.bounds.map(|side| side as f32);
                    let bbox = rle.bbox();
                    assert_eq!([bbox.x1, bbox.y1, bbox.x2, bbox.y2], [left, top, right, bottom]);
                }
            }
        }
    }

    #[test]
    fn corners_connect_with_eight() {
        let picture = mask(&["1..2", ".1.2", "..1."]);
        assert_eq!(Regions::of(&picture, Some(0), Connectivity::Four).len(), 4);
        let regions = Regions::of(&picture, Some(0), Connectivity::Eight);
        let found: Vec<(u8, u64)> = regions.iter().map(|region| (region.class, region.area)).collect();
        assert_eq!(found, [(1, 3), (2, 2)]);
        // The background is a region too, where it is not left out; ignored pixels never are.
        assert_eq!(
            Regions::of(&picture, None, Connectivity::Four).iter().filter(|region| region.class == 0).count(),
            3
        );
        assert!(Regions::of(&Mask::filled(3, 3, Mask::IGNORE), None, Connectivity::Four).is_empty());
    }

    #[test]
    fn an_outline_turns_at_corners() {
        let regions = Regions::of(&mask(&["....", ".11.", ".1..", "...."]), Some(0), Connectivity::Eight);
        let outline = regions.outline(0, Connectivity::Eight);
        assert_eq!(outline, [[1, 1], [3, 1], [3, 2], [2, 2], [2, 3], [1, 3]]);
        let whole = Regions::of(&Mask::filled(3, 2, 1), Some(0), Connectivity::Eight);
        assert_eq!(whole.outline(0, Connectivity::Eight), [[0, 0], [3, 0], [3, 2], [0, 2]]);
    }

    #[test]
    fn outlines_enclose_the_region_and_its_holes() {
        for seed in 0..80 {
            let picture = noise(1000 + seed, 1 + seed as u32 % 11, 1 + seed as u32 % 9, 2);
            // Regions that touch themselves by a corner alone have outlines that COCO's tools fill in their own way.
            let regions = Regions::of(&picture, Some(0), Connectivity::Four);
            for index in 0..regions.len() {
                let outline = regions.outline(index, Connectivity::Four);
                let mut twice_area = 0i64;
                for (corner, &[x, y]) in outline.iter().enumerate() {
                    let [next_x, next_y] = outline[(corner + 1) % outline.len()];
                    assert!((x == next_x) != (y == next_y), "one step along an axis");
                    twice_area += i64::from(x) * i64::from(next_y) - i64::from(next_x) * i64::from(y);
                }
                // Clockwise as seen, with y pointing down, is a positive area; pixels of holes are enclosed as well.
                let outside = outside_of(&regions, index);
                let enclosed = regions.labels().len() as i64 - outside;
                assert_eq!(twice_area, 2 * enclosed, "seed {seed}, region {index}");
                if enclosed == regions.iter().nth(index).expect("a region").area as i64 {
                    let points: Vec<[f64; 2]> = outline.iter().map(|corner| corner.map(f64::from)).collect();
                    let rle = Rle::from_polygon(&points, picture.height(), picture.width());
                    assert_eq!(rle.to_mask(), regions.pixels(index).to_mask(), "seed {seed}, region {index}");
                }
            }
        }
    }

    /// Number of pixels that can be reached from outside of the picture without crossing region `index`, over corners
    /// too.
    fn outside_of(regions: &Regions, index: usize) -> i64 {
        let (width, height) = (regions.width as i64 + 2, regions.height as i64 + 2);
        let blocked = |x: i64, y: i64| {
            let (x, y) = (x - 1, y - 1);
            x >= 0 && y >= 0 && x < width - 2 && y < height - 2 && regions.label(x as u32, y as u32) == index as u32 + 1
        };
        let mut seen = vec![false; (width * height) as usize];
        let mut open = vec![(0i64, 0i64)];
        let mut found = 0;
        while let Some((x, y)) = open.pop() {
            if x < 0 || y < 0 || x >= width || y >= height || blocked(x, y) || seen[(y * width + x) as usize] {
                continue;
            }
            seen[(y * width + x) as usize] = true;
            found += i64::from(x > 0 && y > 0 && x < width - 1 && y < height - 1);
            open.extend((-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (x + dx, y + dy))));
        }
        found
    }
}
