//! Memory of a space that need not be loaded: exec builds a stack with it, procfs reads arguments.

use super::fault::Access;
use super::space::AddressSpace;
use abi::{Errno, Result};
use kernel_arch::frame::PageRef;
use kernel_core::addr::{PAGE_SIZE, VirtAddr};

impl AddressSpace {
    /// Copies bytes out of the space.
    ///
    /// # Errors
    /// `EFAULT` when a page cannot be had.
    pub fn read_bytes(&self, at: VirtAddr, dst: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < dst.len() {
            let from = at.checked_add(done as u64).ok_or(Errno::EFAULT)?;
            let len = (PAGE_SIZE - from.page_offset()).min(dst.len() - done);
            self.page_for(from, Access::Read)?.read(from.page_offset(), &mut dst[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// Copies bytes into the space, with its protection respected.
    ///
    /// # Errors
    /// `EFAULT` when a page cannot be had.
    pub fn write_bytes(&self, at: VirtAddr, src: &[u8]) -> Result<()> {
        let mut done = 0;
        while done < src.len() {
            let to = at.checked_add(done as u64).ok_or(Errno::EFAULT)?;
            let len = (PAGE_SIZE - to.page_offset()).min(src.len() - done);
            self.page_for(to, Access::Write)?.write(to.page_offset(), &src[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// The page at an address, ready for the access.
    fn page_for(&self, at: VirtAddr, access: Access) -> Result<PageRef> {
        use kernel_arch::paging::PteFlags;
        loop {
            self.handle_fault(at, access).map_err(|_| Errno::EFAULT)?;
            let mapping = self.table.lock().query(at.page());
            if let Some(mapping) = mapping
                && (access != Access::Write || mapping.flags.contains(PteFlags::WRITE))
            {
                return Ok(mapping.page);
            }
        }
    }
}
