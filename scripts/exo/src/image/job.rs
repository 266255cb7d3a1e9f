//! The job file `/.exo/job`: what the guest's init is to do, as `key=value` records that each end in a NUL.

/// Where the job file lies in the image.
pub const PATH: &str = "/.exo/job";

/// A job under construction.
#[derive(Debug, Clone)]
pub struct Job {
    bytes: Vec<u8>,
}

impl Job {
    /// One program whose standard streams are the host's.
    pub fn program(arguments: &[String], cwd: &str) -> Self {
        let mut job = Self::new("program");
        for argument in arguments {
            job.put("arg", argument);
        }
        job.put("cwd", cwd);
        job
    }

    /// A login shell on the serial console of `rows` by `columns` characters.
    pub fn shell(rows: u16, columns: u16) -> Self {
        let mut job = Self::new("shell");
        job.put("tty", "/dev/ttyS0");
        job.put("arg", "/bin/sh");
        job.put("arg", "-l");
        job.put("cwd", "/root");
        job.put("rows", &rows.to_string());
        job.put("cols", &columns.to_string());
        job
    }

    /// The programs `cases` of the folder `folder`, one after the other, each at most `seconds` long.
    pub fn suite(folder: &str, cases: &[String], seconds: u64) -> Self {
        let mut job = Self::new("suite");
        job.put("dir", folder);
        job.put("timeout_s", &seconds.to_string());
        for case in cases {
            job.put("case", case);
        }
        job
    }

    /// Adds a variable of the program's environment, `KEY=VALUE`.
    pub fn env(&mut self, variable: &str) {
        self.put("env", variable);
    }

    /// Lets the program run as this user and the group of the same number.
    pub fn user(&mut self, uid: u32) {
        self.put("uid", &uid.to_string());
        self.put("gid", &uid.to_string());
    }

    /// The file's contents.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn new(mode: &str) -> Self {
        let mut job = Self { bytes: Vec::new() };
        job.put("mode", mode);
        job
    }

    fn put(&mut self, key: &str, value: &str) {
        self.bytes.extend(key.as_bytes());
        self.bytes.push(b'=');
        // A NUL cannot reach this place from a command line; it would end the record early.
        self.bytes.extend(value.bytes().filter(|&byte| byte != 0));
        self.bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_in_nul_and_keep_their_order() {
        let mut job = Job::program(&["/bin/a".into(), "x y".into()], "/host");
        job.env("A=1=2");
        job.user(1000);
        assert_eq!(job.bytes(), b"mode=program\0arg=/bin/a\0arg=x y\0cwd=/host\0env=A=1=2\0uid=1000\0gid=1000\0");
    }

    #[test]
    fn a_suite_names_every_case() {
        let job = Job::suite("/tests", &["p/fork".into(), "p/exec".into()], 20);
        assert_eq!(job.bytes(), b"mode=suite\0dir=/tests\0timeout_s=20\0case=p/fork\0case=p/exec\0");
    }

    #[test]
    fn a_nul_in_a_value_cannot_begin_a_record() {
        assert_eq!(Job::program(&["a\0mode=shell".into()], "/").bytes(), b"mode=program\0arg=amode=shell\0cwd=/\0");
    }
}
