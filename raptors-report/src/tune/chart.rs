//! Pictures of a tournament. Colors are the page's variables, so that one picture serves light and dark.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Case, Tuning};
use crate::{Error, chart::scalable};

/// Colors that no picture has otherwise, and what the page has in their place.
const TEXT: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(1, 2, 4);
const WINNER: RGBColor = RGBColor(1, 2, 5);
const OTHER: RGBColor = RGBColor(1, 2, 6);
const EMPTY: RGBColor = RGBColor(1, 2, 7);
const NOISY: RGBColor = RGBColor(1, 2, 8);
const VARIABLES: [(RGBColor, &str); 6] = [
    (TEXT, "var(--text)"),
    (GRID, "var(--line)"),
    (WINNER, "var(--good)"),
    (OTHER, "var(--soft)"),
    (EMPTY, "var(--cell)"),
    (NOISY, "var(--noisy)"),
];

/// Of a letter, on average, at the size of labels.
const LETTER: i32 = 7;
const LINE: i32 = 18;
/// Candidates that are drawn, the fastest ones: the others are numbers in the table.
const DRAWN: usize = 12;

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn picture(size: (i32, i32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Error> {
    let mut svg = String::new();
    let drawn = u32::try_from(size.0).and_then(|width| Ok((width, u32::try_from(size.1)?)));
    let failed = |error: &dyn std::fmt::Display| Error::Picture(error.to_string());
    let size = drawn.map_err(|error| failed(&error))?;
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).map_err(|error| failed(&error))?;
        area.present().map_err(|error| failed(&error))?;
    }
    let mut svg = scalable(&svg);
    for (RGBColor(r, g, b), variable) in VARIABLES {
        svg = svg.replace(&format!("#{r:02X}{g:02X}{b:02X}"), variable);
    }
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn label(area: &Area<'_>, text: &str, at: (i32, i32), h: HPos, color: RGBColor) -> Drawn {
    let style = ("sans-serif", 14).into_font().color(&color).pos(Pos::new(h, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

fn width(text: &str) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX / LETTER) * LETTER
}

impl Case {
    /// The fastest candidates as intervals: how much faster each was than the incumbent.
    pub(super) fn picture(&self) -> Result<String, Error> {
        let mut shown: Vec<_> =
            self.candidates.iter().filter_map(|candidate| Some((candidate, candidate.faster?))).collect();
        shown.sort_by(|(_, a), (_, b)| b.centre.total_cmp(&a.centre));
        let here = |kernel: &str| kernel == self.winner || kernel == self.incumbent;
        let mut at = 0;
        shown.retain(|(candidate, _)| {
            at += 1;
            at <= DRAWN || here(&candidate.kernel)
        });
        let ends = shown.iter().flat_map(|(_, faster)| [faster.low, faster.centre, faster.high]);
        let reach = |low: f64, end: f64| if end.is_finite() { low.max(end.abs()) } else { low };
        // The line of no difference is in the middle; what is far out is drawn at the edge.
        let reach = ends.fold(0.03, reach).min(0.5);
        let left =
            shown.iter().map(|(candidate, _)| width(self.short(&candidate.kernel))).max().unwrap_or(0) + 12;
        let size = (left + 300, LINE * i32::try_from(shown.len()).unwrap_or(0) + 2 * LINE);
        let x = |log: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "pixels")]
            let offset = ((log / reach).clamp(-1.0, 1.0) * 130.0).round() as i32;
            left + 145 + offset
        };
        picture(size, |area| {
            let bottom = size.1 - LINE;
            for tick in [-reach, 0.0, reach] {
                let color = if tick == 0.0 { TEXT } else { GRID };
                area.draw(&PathElement::new([(x(tick), 4), (x(tick), bottom)], color.stroke_width(1)))?;
                let text = if tick == 0.0 { "as fast".to_owned() } else { super::percent(tick) };
                label(area, &text, (x(tick), bottom + LINE / 2), HPos::Center, OTHER)?;
            }
            for ((candidate, faster), y) in
                shown.iter().zip((LINE / 2 + 4..).step_by(LINE.unsigned_abs() as usize))
            {
                let winner = candidate.kernel == self.winner;
                let (color, text) = if winner { (WINNER, TEXT) } else { (OTHER, OTHER) };
                label(area, self.short(&candidate.kernel), (left - 8, y), HPos::Right, text)?;
                let line = [(x(faster.low), y), (x(faster.high), y)];
                area.draw(&PathElement::new(line, color.stroke_width(if winner { 3 } else { 2 })))?;
                area.draw(&Circle::new((x(faster.centre), y), 3, color.filled()))?;
            }
            Ok(())
        })
    }
}

impl Tuning {
    /// Operations against rows: how much faster what the row names now is than what it named before.
    pub(super) fn heat_map(&self) -> Result<String, Error> {
        const CELL: (i32, i32) = (54, 22);
        let (mut ops, mut rows): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
        let op = Case::title;
        for case in &self.findings.cases {
            if !ops.contains(&op(case)) {
                ops.push(op(case));
            }
            if !rows.contains(&case.row.as_str()) {
                rows.push(&case.row);
            }
        }
        // Target shapes before buckets, whichever operation came first.
        rows.sort_by_key(|row| !row.contains('x') || row.contains(' '));
        let left = ops.iter().map(|op| width(op)).max().unwrap_or(0) + 12;
        let top = 2 * LINE + 8;
        let count = |items: usize| i32::try_from(items).unwrap_or(0);
        let size = (left + CELL.0 * count(rows.len()) + 8, top + CELL.1 * count(ops.len()) + 8);
        picture(size, |area| {
            for (at, row) in rows.iter().enumerate() {
                let x = left + CELL.0 * count(at) + CELL.0 / 2;
                for (line, word) in row.split([' ', 'x']).take(2).enumerate() {
                    label(area, word, (x, LINE / 2 + LINE * count(line)), HPos::Center, OTHER)?;
                }
            }
            for (at, name) in ops.iter().enumerate() {
                let y = top + CELL.1 * count(at);
                label(area, name, (left - 8, y + CELL.1 / 2), HPos::Right, TEXT)?;
                for case in self.findings.cases.iter().filter(|case| op(case) == *name) {
                    let column = rows.iter().position(|row| *row == case.row).unwrap_or(0);
                    let x = left + CELL.0 * count(column);
                    let corners = [(x + 1, y + 1), (x + CELL.0 - 1, y + CELL.1 - 1)];
                    let noisy = case.verdict == super::Verdict::Noisy;
                    let color = if noisy { NOISY } else { EMPTY };
                    area.draw(&Rectangle::new(corners, color.filled()))?;
                    if let Some(gain) = case.gain() {
                        // From hardly seen at 2 % to full at 50 %.
                        let strength = (0.25 + 1.5 * gain.centre).clamp(0.25, 1.0);
                        area.draw(&Rectangle::new(corners, WINNER.mix(strength).filled()))?;
                        let text = format!("{:.0}%", 100.0 * gain.centre.exp_m1());
                        label(area, &text, (x + CELL.0 / 2, y + CELL.1 / 2), HPos::Center, TEXT)?;
                    }
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tuning;

    #[test]
    fn each_candidate_has_an_interval() {
        let svg = tuning().findings.cases[0].picture().unwrap();
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert!(svg.contains("var(--good)") && svg.contains("var(--text)"));
        assert!(!svg.contains("#0102"), "{svg}");
    }

    #[test]
    fn the_heat_map_has_a_cell_for_each_case() {
        let svg = tuning().heat_map().unwrap();
        // One of the two was replaced, which is drawn over the cell.
        assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
        assert!(svg.contains("var(--noisy)") && svg.contains("3%"));
    }
}
