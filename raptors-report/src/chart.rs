//! The picture: for each operation and shape how many times as fast as `NumPy`, one bar for each dtype.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Error, Run, run::Case};

/// What the picture stands on, which shows through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// A light page.
    Light,
    /// A dark page.
    Dark,
}

struct Colors {
    text: RGBColor,
    grid: RGBColor,
    bars: [RGBColor; 2],
    /// Of the line of the interval, on a bar and beside it.
    interval: RGBColor,
}

impl Theme {
    fn colors(self) -> Colors {
        match self {
            Theme::Light => Colors {
                text: RGBColor(31, 35, 40),
                grid: RGBColor(208, 215, 222),
                bars: [RGBColor(84, 148, 222), RGBColor(222, 143, 60)],
                interval: RGBColor(31, 35, 40),
            },
            Theme::Dark => Colors {
                text: RGBColor(230, 237, 243),
                grid: RGBColor(61, 68, 77),
                bars: [RGBColor(56, 118, 196), RGBColor(189, 111, 35)],
                interval: RGBColor(230, 237, 243),
            },
        }
    }
}

/// Such that labels can be read where it is shrunk to the width of a phone.
const WIDTH: i32 = 480;
const TOP: i32 = 52;
const BOTTOM: i32 = 26;
const RIGHT: i32 = 20;
const BAR: i32 = 9;
/// Between the bars of one shape and those of the next.
const GAP: i32 = 6;
/// More of it between operations.
const GROUP: i32 = 10;
/// Of a letter, on average, at the size of labels.
const LETTER: i32 = 7;

/// The bars of one operation and shape.
struct Row<'a> {
    op: &'a str,
    place: String,
    cases: Vec<&'a Case>,
}

impl Run {
    /// The picture, as SVG: the ratios on a logarithmic scale, with their intervals.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn picture(&self, theme: Theme) -> Result<String, Error> {
        let rows = self.rows();
        let mut text = String::new();
        draw(&mut text, self, &rows, &theme.colors()).map_err(|error| Error::Picture(error.to_string()))?;
        Ok(scalable(&text))
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        for case in &self.cases {
            let (op, place) = (case.which.op.as_str(), case.which.place());
            match rows.iter_mut().find(|row| row.op == op && row.place == place) {
                Some(row) => row.cases.push(case),
                None => rows.push(Row { op, place, cases: vec![case] }),
            }
        }
        rows
    }
}

/// As wide as there is room for, instead of a fixed number of pixels.
pub(crate) fn scalable(svg: &str) -> String {
    let (head, rest) = svg.split_once('>').unwrap_or((svg, ""));
    let attribute = |name: &str| {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    match attribute("width").zip(attribute("height")) {
        Some((width, height)) if head.contains("viewBox") => {
            let head = head.replace(&format!(" width=\"{width}\" height=\"{height}\""), "");
            format!("{head} role=\"img\" style=\"max-width:{width}px\">{rest}")
        }
        _ => svg.to_owned(),
    }
}

fn draw(
    svg: &mut String,
    run: &Run,
    rows: &[Row<'_>],
    colors: &Colors,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut heights = Vec::new();
    let mut y = TOP;
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            y += if rows[index - 1].op == row.op { GAP } else { GAP + GROUP };
        }
        heights.push(y);
        y += BAR * i32::try_from(row.cases.len())?;
    }
    let bottom = y + GAP;
    let longest = |of: fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let ops = i32::try_from(longest(|row| row.op.chars().count()))? * LETTER;
    let left = ops + i32::try_from(longest(|row| row.place.chars().count()))? * LETTER + 24;

    let (low, high) = range(run);
    let x = |ratio: f64| {
        let part = (ratio.log2() - low) / (high - low);
        #[expect(clippy::cast_possible_truncation, reason = "pixels")]
        let offset = (part.clamp(0.0, 1.0) * f64::from(WIDTH - RIGHT - left)).round() as i32;
        left + offset
    };
    let size = (u32::try_from(WIDTH)?, u32::try_from(bottom + BOTTOM)?);
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let label = |text: String, (x, y): (i32, i32), h: HPos| {
        let style = ("sans-serif", 16).into_font().color(&colors.text).pos(Pos::new(h, VPos::Center));
        Text::new(text, (x, y), style)
    };

    area.draw(&label("times as fast as NumPy".to_owned(), (4, 14), HPos::Left))?;
    for (index, dtype) in dtypes(rows).into_iter().enumerate() {
        let at = WIDTH - 60 * (2 - i32::try_from(index)?);
        area.draw(&Rectangle::new([(at, 9), (at + 12, 19)], colors.bars[index % 2].filled()))?;
        area.draw(&label(dtype.to_owned(), (at + 18, 14), HPos::Left))?;
    }
    let mut tick = low.floor();
    while tick <= high {
        let at = x(tick.exp2());
        let stroke = if tick == 0.0 { colors.text.stroke_width(1) } else { colors.grid.stroke_width(1) };
        area.draw(&PathElement::new([(at, TOP - 8), (at, bottom)], stroke))?;
        for y in [TOP - 17, bottom + 12] {
            area.draw(&label(tick.exp2().to_string(), (at, y), HPos::Center))?;
        }
        tick += 1.0;
    }
    for (index, (row, &top)) in rows.iter().zip(&heights).enumerate() {
        let middle = top + BAR * i32::try_from(row.cases.len())? / 2;
        if index == 0 || rows[index - 1].op != row.op {
            area.draw(&label(row.op.to_owned(), (4, middle), HPos::Left))?;
        }
        area.draw(&label(row.place.clone(), (left - 8, middle), HPos::Right))?;
        for (case, y) in row.cases.iter().zip((top..).step_by(usize::try_from(BAR)?)) {
            let color = dtypes(rows).iter().position(|dtype| *dtype == case.which.dtype).unwrap_or_default();
            let (from, to) = (x(1.0), x(case.speedup));
            let corners = [(from.min(to), y), (from.max(to), y + BAR - 2)];
            area.draw(&Rectangle::new(corners, colors.bars[color % 2].filled()))?;
            let line = [(x(case.ci_low), y + BAR / 2 - 1), (x(case.ci_high), y + BAR / 2 - 1)];
            area.draw(&PathElement::new(line, colors.interval.stroke_width(1)))?;
        }
    }
    area.present()?;
    Ok(())
}

fn dtypes<'a>(rows: &[Row<'a>]) -> Vec<&'a str> {
    let mut found: Vec<_> =
        rows.iter().flat_map(|row| &row.cases).map(|case| case.which.dtype.as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Powers of two that enclose all intervals, as exponents. An interval that has no end is not waited for.
fn range(run: &Run) -> (f64, f64) {
    let ends = run.cases.iter().flat_map(|case| [case.speedup, case.ci_low, case.ci_high]);
    let (low, high) = ends
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .map(f64::log2)
        .fold((-1.0_f64, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    (if low < -1.0 { low.floor() } else { -1.0 }, high.ceil())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::run;

    #[test]
    fn each_case_has_a_bar_and_an_interval() {
        let svg = run().picture(Theme::Light).unwrap();
        // Beside the bars stand the squares of the legend.
        assert_eq!(svg.matches("<rect").count(), run().cases.len() + 2);
        let ticks = 3;
        assert_eq!(svg.matches("<polyline").count(), run().cases.len() + ticks, "{svg}");
        assert!(svg.contains("max-width:480px") && !svg[..svg.find('>').unwrap()].contains(" width="));
    }

    #[test]
    fn themes_differ_in_colors_only() {
        let plain = |theme| {
            let svg = run().picture(theme).unwrap();
            svg.split("\"#").map(|part| part.get(6..).unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(plain(Theme::Light)[1..], plain(Theme::Dark)[1..]);
        assert_ne!(run().picture(Theme::Light).unwrap(), run().picture(Theme::Dark).unwrap());
    }

    #[test]
    fn the_scale_encloses_what_it_shows() {
        let mut run = run();
        assert_eq!(range(&run), (-1.0, 1.0));
        run.cases[0].ci_high = 4.1;
        run.cases[0].ci_low = 0.3;
        assert_eq!(range(&run), (-2.0, 3.0));
        run.cases[0].ci_high = f64::INFINITY;
        assert_eq!(range(&run), (-2.0, 1.0));
    }
}
