//! Which of this machine's cores this process may use, and what keeps it from the others.

use std::{fs, num::NonZero, path::Path, thread};

/// One line of words: `8 in this machine; 2 for this process, by its affinity mask (0-1)`.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = read("/sys/devices/system/cpu/online").map(|list| list.trim().to_owned());
    let mask = read("/proc/self/status").and_then(|status| {
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        Some(list.trim().to_owned())
    });
    let quota = read("/proc/self/cgroup").and_then(|groups| quota(&groups, Path::new("/sys/fs/cgroup")));
    let usable = thread::available_parallelism().map_or(1, NonZero::get);
    words(machine.as_deref(), mask.as_deref(), quota.as_ref(), usable)
}

/// Processor time that a control group may use.
#[derive(Debug, PartialEq)]
struct Quota {
    /// In cores.
    cores: f64,
    /// The file that says so, with its content.
    told_by: String,
}

/// The number of threads that `available_parallelism` allows is what counts; mask and quota only explain it, and either
/// may be unknown.
fn words(machine: Option<&str>, mask: Option<&str>, quota: Option<&Quota>, usable: usize) -> String {
    let machine = machine.and_then(length);
    let allowed = mask.and_then(length);
    let all = machine.map_or_else(String::new, |cores| format!("{cores} in this machine; "));
    let why = match (allowed, mask, quota) {
        (Some(allowed), _, Some(quota)) if usable < allowed => {
            format!(", by its control group's quota of {:.2} ({})", quota.cores, quota.told_by)
        }
        (Some(allowed), ..) if usable < allowed => ", by its control group's quota".to_owned(),
        (Some(allowed), Some(mask), _) if machine.is_some_and(|machine| allowed < machine) => {
            format!(", by its affinity mask ({mask})")
        }
        (Some(_), ..) if machine == Some(usable) => ", without limits".to_owned(),
        _ => String::new(),
    };
    format!("{all}{usable} for this process{why}")
}

/// How many numbers a list such as `0-3,8` has.
fn length(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (start, end) = range.split_once('-').unwrap_or((range, range));
            let (start, end) = (start.parse::<usize>().ok()?, end.parse::<usize>().ok()?);
            end.checked_sub(start)?.checked_add(1)
        })
        .sum()
}

/// The lowest quota of the control groups that a process is in, from its `/proc/self/cgroup`. A group is limited by the
/// groups it is in, as well as by its own quota.
fn quota(groups: &str, root: &Path) -> Option<Quota> {
    let mut found: Vec<Quota> = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        // Version 2 has one tree and names no controllers, version 1 has a tree for each.
        let tree = match controllers {
            "" => root.to_owned(),
            _ if controllers.split(',').any(|controller| controller == "cpu") => root.join("cpu"),
            _ => continue,
        };
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            let folder = tree.join(group);
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number > 0.0);
            let file = |name: &str| fs::read_to_string(folder.join(name)).ok();
            let (name, pair) = if controllers.is_empty() {
                ("cpu.max", file("cpu.max"))
            } else {
                let pair = file("cpu.cfs_quota_us").zip(file("cpu.cfs_period_us"));
                (
                    "cpu.cfs_quota_us, cpu.cfs_period_us",
                    pair.map(|(quota, period)| format!("{quota} {period}")),
                )
            };
            // Without a limit, the first is `max` or negative.
            let pair = pair.unwrap_or_default();
            let words: Vec<_> = pair.split_whitespace().collect();
            if let [Some(quota), Some(period)] = words.iter().copied().map(number).collect::<Vec<_>>()[..] {
                found.push(Quota { cores: quota / period, told_by: format!("{name}: {}", words.join(" ")) });
            }
        }
    }
    found.into_iter().min_by(|a, b| a.cores.total_cmp(&b.cores))
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn the_limit_is_named() {
        let quota = Quota { cores: 1.5, told_by: "cpu.max: 150000 100000".to_owned() };
        let words = |machine, mask, quota, usable| words(machine, mask, quota, usable);
        let cases = [
            ((Some("0-7"), Some("0-7"), None, 8), "8 in this machine; 8 for this process, without limits"),
            (
                (Some("0-7"), Some("0,2"), None, 2),
                "8 in this machine; 2 for this process, by its affinity mask (0,2)",
            ),
            // The lower of the two is the one that limits.
            (
                (Some("0-7"), Some("0-3"), Some(&quota), 1),
                "8 in this machine; 1 for this process, by its control group's quota of 1.50 (cpu.max: 150000 \
                 100000)",
            ),
            (
                (Some("0-7"), Some("3"), Some(&quota), 1),
                "8 in this machine; 1 for this process, by its affinity mask (3)",
            ),
            (
                (Some("0-7"), Some("0-7"), None, 2),
                "8 in this machine; 2 for this process, by its control group's quota",
            ),
            ((None, None, None, 4), "4 for this process"),
        ];
        for ((machine, mask, quota, usable), expected) in cases {
            assert_eq!(words(machine, mask, quota, usable), expected);
        }
    }

    #[test]
    fn lists_are_counted() {
        for (list, count) in
            [("0", Some(1)), ("0-3,8", Some(5)), ("0-1,4-5", Some(4)), ("", None), ("1-0", None)]
        {
            assert_eq!(length(list), count, "{list:?}");
        }
    }

    #[test]
    fn the_lowest_quota_of_all_groups_counts() {
        let root = env::temp_dir().join(format!("raptors-cores-{}", process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("cpu.max", "max 100000\n");
        write("outer/cpu.max", "150000 100000\n");
        write("outer/inner/cpu.max", "400000 100000\n");
        write("cpu/job/cpu.cfs_quota_us", "50000\n");
        write("cpu/job/cpu.cfs_period_us", "100000\n");
        write("cpu/free/cpu.cfs_quota_us", "-1\n");
        write("cpu/free/cpu.cfs_period_us", "100000\n");
        let found = |groups: &str| quota(groups, &root).map(|quota| (quota.cores, quota.told_by));
        assert_eq!(found("0::/outer/inner\n"), Some((1.5, "cpu.max: 150000 100000".to_owned())));
        let of_v1 = "cpu.cfs_quota_us, cpu.cfs_period_us: 50000 100000".to_owned();
        assert_eq!(found("5:cpuset:/outer\n4:cpu,cpuacct:/job\n"), Some((0.5, of_v1)));
        for groups in ["0::/\n", "4:cpuset:/job\n", "4:cpu:/free\n", "0::/gone\n", "", "nonsense"] {
            assert_eq!(found(groups), None, "{groups:?}");
        }
        fs::remove_dir_all(root).expect("it is ours");
    }
}
