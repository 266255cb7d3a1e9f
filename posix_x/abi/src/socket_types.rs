//! C layouts of the socket calls.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct msghdr` with the addresses as integers.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MsgHdr {
    /// Address of the name.
    pub name: u64,
    /// Bytes of it.
    pub name_len: u32,
    /// Padding.
    pub pad: u32,
    /// Address of the vectors.
    pub iov: u64,
    /// How many vectors.
    pub iov_len: u64,
    /// Address of the control messages.
    pub control: u64,
    /// Bytes of them.
    pub control_len: u64,
    /// `MSG_*` that recvmsg(2) answers.
    pub flags: u32,
    /// Padding.
    pub pad2: u32,
}

/// `struct cmsghdr`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CMsgHdr {
    /// Bytes, this header included.
    pub len: u64,
    /// Protocol that it belongs to.
    pub level: i32,
    /// What it is.
    pub kind: u32,
}

/// `struct ucred`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UCred {
    /// Process id.
    pub pid: i32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

const _: () = assert!(size_of::<MsgHdr>() == 56 && size_of::<CMsgHdr>() == 16 && size_of::<UCred>() == 12);
