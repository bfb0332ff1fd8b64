//! The languages that assembly is written in: what an instruction does with whole vectors.

/// Whose language it is. In both, the first operand is the one that is written, but for stores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Language {
    #[default]
    Arm,
    Intel,
}

impl Language {
    /// What a comment begins with.
    pub(super) fn comment(self) -> &'static str {
        match self {
            Self::Arm => "//",
            Self::Intel => "#",
        }
    }

    /// What tells the compiler to write it.
    pub(super) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Arm => &[],
            Self::Intel => &["-Cllvm-args=-x86-asm-syntax=intel"],
        }
    }

    /// What tells `llvm-mca` that it is this one.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Arm => &["-mtriple=aarch64-linux-gnu"],
            Self::Intel => &["-mtriple=x86_64-linux-gnu", "-x86-asm-syntax=intel"],
        }
    }

    pub(super) fn read(self, text: &str) -> Instruction<'_> {
        let (name, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Instruction { language: self, name, operands: operands.trim() }
    }

    /// What the names of whole vectors begin with.
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Arm => &["q", "v"],
            Self::Intel => &["xmm", "ymm", "zmm"],
        }
    }

    /// The number of the vector register that begins a text, with what comes before and after it.
    fn register(self, text: &str) -> Option<(&str, usize, &str)> {
        self.prefixes().iter().find_map(|prefix| {
            let rest = text.strip_prefix(prefix)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..end].parse().ok().filter(|&number| number < REGISTERS)?;
            Some((&text[..prefix.len()], number, &rest[end..]))
        })
    }
}

/// No language has more vector registers.
pub(super) const REGISTERS: usize = 32;

pub(super) struct Instruction<'a> {
    language: Language,
    name: &'a str,
    operands: &'a str,
}

impl Instruction<'_> {
    /// Whether what follows it may not be next.
    pub(super) fn ends_block(&self) -> bool {
        match self.language {
            Language::Arm => {
                self.name == "b"
                    || self.name.starts_with("b.")
                    || ["cbz", "cbnz", "tbz", "tbnz", "br"].contains(&self.name)
                    || self.returns()
            }
            Language::Intel => self.name.starts_with('j') || self.returns(),
        }
    }

    pub(super) fn returns(&self) -> bool {
        self.name == "ret"
    }

    /// Where it leads to, if it ends a block.
    pub(super) fn target(&self) -> Option<&str> {
        self.operands.split_whitespace().last().filter(|_| self.ends_block())
    }

    /// The numbers of the vector registers it names, in order.
    pub(super) fn vectors(&self) -> Vec<usize> {
        let words = self.operands.split(|c: char| !c.is_ascii_alphanumeric());
        let whole = |word| self.language.register(word).filter(|(.., rest)| rest.is_empty());
        words.filter_map(|word| Some(whole(word)?.1)).collect()
    }

    /// How many of these it writes.
    pub(super) fn written(&self) -> usize {
        match self.language {
            _ if self.stores() > 0 => 0,
            Language::Arm if self.loads() > 0 => self.loads(),
            _ => self.vectors().len().min(1),
        }
    }

    /// Vectors that it loads.
    pub(super) fn loads(&self) -> usize {
        match self.language {
            Language::Arm if self.name.starts_with("ld") => self.vectors().len(),
            Language::Intel if self.operands.contains('[') && self.stores() == 0 => {
                self.vectors().len().min(1)
            }
            _ => 0,
        }
    }

    /// Vectors that it stores.
    pub(super) fn stores(&self) -> usize {
        match self.language {
            Language::Arm if self.name.starts_with("st") => self.vectors().len(),
            Language::Intel if self.operands().next().is_some_and(|first| first.contains('[')) => {
                self.vectors().len().min(1)
            }
            _ => 0,
        }
    }

    /// Whether an address comes from two registers, for Intel's units to add.
    pub(super) fn is_indexed(&self) -> bool {
        let address = self.operands.split_once('[').map_or("", |(_, address)| address);
        let is_register = |part: &&str| part.starts_with('r') || part.contains('*');
        self.language == Language::Intel && address.split([' ', ']']).filter(is_register).count() > 1
    }

    /// Floating-point arithmetic on a whole vector: `fadd v0.4s, …`, `vaddps ymm0, …`.
    pub(super) fn is_arithmetic(&self) -> bool {
        const ARM: [&str; 10] =
            ["fadd", "faddp", "fsub", "fmul", "fdiv", "fmla", "fmls", "fmin", "fmax", "fsqrt"];
        const INTEL: [&str; 10] =
            ["vadd", "vhadd", "vsub", "vmul", "vdiv", "vfm", "vfnm", "vmin", "vmax", "vsqrt"];
        match self.language {
            Language::Arm => {
                ARM.contains(&self.name) && [".4s", ".2d"].iter().any(|form| self.operands.contains(form))
            }
            Language::Intel => {
                INTEL.iter().any(|name| self.name.starts_with(name))
                    && ["ps", "pd"].iter().any(|form| self.name.ends_with(form))
            }
        }
    }

    /// Whether that is more than adding.
    pub(super) fn multiplies(&self) -> bool {
        let more = ["fmul", "fdiv", "fml", "fsqrt", "vmul", "vdiv", "vfm", "vfnm", "vsqrt"];
        self.is_arithmetic() && more.iter().any(|name| self.name.starts_with(name))
    }

    /// Whether what it writes is also an operand.
    pub(super) fn accumulates(&self) -> bool {
        ["fml", "vfm", "vfnm"].iter().any(|name| self.name.starts_with(name))
    }

    /// Bytes of a vector that it loads or stores, else of the widest that it names.
    pub(super) fn bytes(&self) -> usize {
        let memory = self.operands().find(|operand| operand.contains('['));
        let text = memory.filter(|_| self.language == Language::Intel).unwrap_or(self.operands);
        if text.contains("zmm") {
            64
        } else if text.contains("ymm") {
            32
        } else {
            16
        }
    }

    /// The same, with registers rather than memory to compute with.
    pub(super) fn in_registers(&self) -> String {
        let apart = |(at, operand): (usize, &str)| {
            let word = operand.split_once("word ptr [").map_or("", |(word, _)| word);
            match word {
                _ if at == 0 || !operand.contains('[') => operand.to_owned(),
                "ymm" | "zmm" => format!("{word}0"),
                _ => "xmm0".to_owned(),
            }
        };
        let computes = self.language == Language::Intel && self.vectors().len() > 1;
        if computes { self.with_operands(apart) } else { format!("{}\t{}", self.name, self.operands) }
    }

    /// The same, but what it reads from registers it reads from this one.
    pub(super) fn reading(&self, number: usize) -> String {
        self.with_operands(|(at, operand)| match self.language.register(operand) {
            Some((prefix, _, rest)) if at > 0 => format!("{prefix}{number}{rest}"),
            _ => operand.to_owned(),
        })
    }

    fn operands(&self) -> impl Iterator<Item = &str> {
        self.operands.split(", ")
    }

    fn with_operands(&self, change: impl FnMut((usize, &str)) -> String) -> String {
        let operands: Vec<_> = self.operands().enumerate().map(change).collect();
        format!("{}\t{}", self.name, operands.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{Arm, Intel};

    #[test]
    fn what_moves_is_told_from_what_computes() {
        for (language, text, [loads, stores, bytes], [computes, multiplies], written) in [
            (Arm, "ldp\tq1, q2, [x8], #32", [2, 0, 16], [false; 2], 2),
            (Arm, "stp\tq1, q2, [x9], #32", [0, 2, 16], [false; 2], 0),
            (Arm, "fmul\tv1.4s, v1.4s, v0.s[0]", [0, 0, 16], [true; 2], 1),
            (Arm, "fadd\ts0, s1, s2", [0, 0, 16], [false; 2], 0),
            (Intel, "vmovups\tzmm0, zmmword ptr [rbx + rax]", [1, 0, 64], [false; 2], 1),
            (Intel, "vaddps\tymm1, ymm0, ymmword ptr [rax - 32]", [1, 0, 32], [true, false], 1),
            (Intel, "vmovntpd\tymmword ptr [rcx + 8*rdx], ymm1", [0, 1, 32], [false; 2], 0),
            (Intel, "vmulpd\txmm1, xmm1, xmm2", [0, 0, 16], [true; 2], 1),
            (Intel, "vinsertf64x4\tzmm1, zmm1, ymmword ptr [rax], 1", [1, 0, 32], [false; 2], 1),
            (Intel, "vaddss\txmm1, xmm1, xmm2", [0, 0, 16], [false; 2], 1),
            (Intel, "mov\trax, qword ptr [rdi]", [0, 0, 16], [false; 2], 0),
        ] {
            let it = language.read(text);
            assert_eq!([it.loads(), it.stores(), it.bytes()], [loads, stores, bytes], "{text}");
            assert_eq!([it.is_arithmetic(), it.multiplies()], [computes, multiplies], "{text}");
            assert_eq!(it.written(), written, "{text}");
        }
    }

    #[test]
    fn an_address_of_two_registers_is_seen() {
        for (text, indexed) in [
            ("vmovups\tymmword ptr [rcx + rdx + 32], ymm1", true),
            ("vmovups\tymmword ptr [rcx + 8*r10], ymm1", true),
            ("vmovups\tymmword ptr [r10 - 32], ymm1", false),
            ("vaddps\tymm1, ymm1, ymm2", false),
        ] {
            assert_eq!(Intel.read(text).is_indexed(), indexed, "{text}");
        }
        assert!(!Arm.read("ldr\tq3, [x9, x10]").is_indexed());
    }

    #[test]
    fn operands_are_changed() {
        let add = Intel.read("vaddps\tymm1, ymm0, ymmword ptr [rdi + rax]");
        assert_eq!(add.in_registers(), "vaddps\tymm1, ymm0, ymm0");
        assert_eq!(add.reading(15), "vaddps\tymm1, ymm15, ymmword ptr [rdi + rax]");
        let load = "vmovups\tymm1, ymmword ptr [rdi]";
        assert_eq!(Intel.read(load).in_registers(), load);
        assert_eq!(Arm.read("fmul\tv1.4s, v2.4s, v0.s[0]").reading(31), "fmul\tv1.4s, v31.4s, v31.s[0]");
    }
}
