//! The exact Euclidean distance transform.
//!
//! Source: Felzenszwalb and Huttenlocher 2012, "Distance transforms of sampled functions": the squared distance is a
//! lower envelope of parabolas, along columns first and along rows then.

/// Squared distance in pixels from each pixel's centre to that of the nearest of the `marked` ones, row by row;
/// infinite everywhere when none is marked.
///
/// Whole numbers, so exact: the root of one is the distance.
///
/// # Panics
///
/// When `marked` does not hold `width · height` pixels.
pub fn squared_distances(marked: &[bool], width: usize, height: usize) -> Vec<f64> {
    assert_eq!(marked.len(), width * height, "{width} × {height} pixels");
    let mut distances: Vec<f64> = marked.iter().map(|marked| if *marked { 0.0 } else { f64::INFINITY }).collect();
    if width == 0 || height == 0 {
        return distances;
    }
    let mut envelope = Envelope::default();
    let mut line = vec![0.0; height];
    let mut found = vec![0.0; height];
    for x in 0..width {
        for (y, value) in line.iter_mut().enumerate() {
            *value = distances[y * width + x];
        }
        envelope.transform(&line, &mut found);
        for (y, value) in found.iter().enumerate() {
            distances[y * width + x] = *value;
        }
    }
    let mut line = vec![0.0; width];
    for row in distances.chunks_exact_mut(width) {
        line.copy_from_slice(row);
        envelope.transform(&line, row);
    }
    distances
}

/// The parabolas `(x - position)² + value` that are lowest somewhere, from left to right.
#[derive(Default)]
struct Envelope {
    positions: Vec<usize>,
    /// Where each becomes the lowest.
    starts: Vec<f64>,
}

impl Envelope {
    /// `target[x] = min over y of (x - y)² + values[y]`.
    fn transform(&mut self, values: &[f64], target: &mut [f64]) {
        self.positions.clear();
        self.starts.clear();
        for (position, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let start = loop {
                let Some(&last) = self.positions.last() else { break f64::NEG_INFINITY };
                let (a, b) = (last as f64, position as f64);
                let crossing = ((value + b * b) - (values[last] + a * a)) / (2.0 * (b - a));
                match self.starts.last() {
                    Some(start) if crossing <= *start => {
                        self.positions.pop();
                        self.starts.pop();
                    }
                    _ => break crossing,
                }
            };
            self.positions.push(position);
            self.starts.push(start);
        }
        if self.positions.is_empty() {
            target.fill(f64::INFINITY);
            return;
        }
        let mut lowest = 0;
        for (x, target) in target.iter_mut().enumerate() {
            while self.starts.get(lowest + 1).is_some_and(|start| *start < x as f64) {
                lowest += 1;
            }
            let position = self.positions[lowest];
            let offset = x as f64 - position as f64;
            *target = offset * offset + values[position];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of its own, good enough for dots on a picture.
    fn dots(seed: u64, count: usize, share: u64) -> Vec<bool> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 100 < share
            })
            .collect()
    }

    #[test]
    fn distances_are_those_of_a_search_through_all_pixels() {
        for (seed, (width, height)) in [(1usize, 1usize), (7, 5), (1, 9), (13, 1), (16, 11)].into_iter().enumerate() {
            for share in [0, 3, 30, 100] {
                let marked = dots(seed as u64 + 1, width * height, share);
                let found = squared_distances(&marked, width, height);
                for (index, found) in found.iter().enumerate() {
                    let expected = (0..width * height)
                        .filter(|other| marked[*other])
                        .map(|other| {
                            let dx = (index % width) as f64 - (other % width) as f64;
                            let dy = (index / width) as f64 - (other / width) as f64;
                            dx * dx + dy * dy
                        })
                        .fold(f64::INFINITY, f64::min);
                    assert_eq!(*found, expected, "{width}×{height}, {share} %, pixel {index}");
                }
            }
        }
        assert!(squared_distances(&[], 0, 3).is_empty());
    }
}
