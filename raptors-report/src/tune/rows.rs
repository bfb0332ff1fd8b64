//! The findings as CSV: a line for each candidate of each case.

use super::{Case, Tuning};

const HEAD: &str = "op,dtype,numerics,isa_table,row,rows,columns,bytes,kernel,right,dropped,rounds,seconds,\
                    faster_log_low,faster_log,faster_log_high,incumbent,winner,verdict\n";

impl Tuning {
    /// A line for each candidate of each case, after one with the names of the columns. How much faster a candidate
    /// was than the incumbent is the logarithm of a ratio; what was not measured is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = HEAD.to_owned();
        for case in &self.findings.cases {
            lines(&mut text, case);
        }
        text
    }
}

/// No field has a comma or a quote in it: they are names, numbers and words. Between operations that share a case is a
/// space.
fn lines(text: &mut String, case: &Case) {
    let shape = case.shapes.first().copied().unwrap_or_default();
    for candidate in &case.candidates {
        let number = |number: Option<f64>| {
            number.filter(|number| number.is_finite()).map_or_else(String::new, |number| number.to_string())
        };
        let faster = |end: fn(super::Interval) -> f64| number(candidate.faster.map(end));
        let fields = [
            case.op.replace(',', ""),
            case.dtype.clone(),
            case.numerics.clone(),
            case.table.clone(),
            case.row.clone(),
            shape.0.to_string(),
            shape.1.to_string(),
            case.bytes.to_string(),
            candidate.kernel.clone(),
            candidate.right.to_string(),
            candidate.dropped.to_string(),
            candidate.rounds.to_string(),
            number(candidate.seconds),
            faster(|interval| interval.low),
            faster(|interval| interval.centre),
            faster(|interval| interval.high),
            (candidate.kernel == case.incumbent).to_string(),
            (candidate.kernel == case.winner).to_string(),
            case.verdict.word().to_owned(),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::tuning, HEAD};

    #[test]
    fn each_candidate_has_a_line() {
        let text = tuning().csv();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 6);
        let columns = HEAD.split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns), "{text}");
        assert_eq!(
            lines[2],
            "scale,f32,numpy,mul_m_s.f32.avx2,512x512,512,512,2097152,mul_m_s_map_f32_avx2_u8,true,false,9,0.0001,,\
             0.03,,false,true,replaced"
        );
        // Operations that share a case are one field.
        let mut shared = tuning();
        shared.findings.cases[0].op = "mean, sum".to_owned();
        assert_eq!(shared.csv(), text.replacen("\nscale,", "\nmean sum,", 3));
    }
}
