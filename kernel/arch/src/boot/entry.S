# Boot entries: PVH and Multiboot2, both in 32-bit protected mode without paging. They build the boot page
# tables (identity, direct map and kernel image, first 4 GiB by 2 MiB pages) and enter `rust_entry` in long mode.
# AT&T syntax. Register use until long mode: %edi = protocol (1 PVH, 2 Multiboot2), %esi = its information block.

.set KERNEL_BASE, 0xffffffff80000000
.set PRESENT_WRITE, 0x3
.set LARGE, 0x80
.set EFER, 0xc0000080

.section .note.pvh, "a", @note
    .balign 4
    .long 4                          # name size
    .long 8                          # descriptor size
    .long 18                         # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start - KERNEL_BASE

.section .multiboot2, "a"
    .balign 8
.global multiboot2_header
multiboot2_header:
    .long 0xe85250d6
    .long 0                          # i386 protected mode
    .long multiboot2_header_end - multiboot2_header
    .long 0x100000000 - (0xe85250d6 + (multiboot2_header_end - multiboot2_header))
    .balign 8
    .short 3, 0                      # entry address
    .long 12
    .long multiboot2_start - KERNEL_BASE
    .balign 8
    .short 6, 0                      # modules page-aligned
    .long 8
    .balign 8
    .short 0, 0
    .long 8
multiboot2_header_end:

.section .text.entry, "ax"
.code32
.global pvh_start
pvh_start:
    movl $1, %edi
    jmp enter_long_mode

multiboot2_start:
    movl $2, %edi
    cmpl $0x36d76289, %eax
    je enter_long_mode
refuse:
    hlt
    jmp refuse

enter_long_mode:
    cli
    cld
    movl %ebx, %esi
    movl $(boot_stack_top - KERNEL_BASE), %esp

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb refuse
    movl $0x80000001, %eax
    cpuid
    testl $(1 << 29), %edx           # long mode
    jz refuse
    movl %edx, %ebp

    # Four page directories map the first 4 GiB.
    movl $(boot_directories - KERNEL_BASE), %ebx
    movl $(PRESENT_WRITE | LARGE), %eax
    xorl %ecx, %ecx
1:  movl %eax, (%ebx, %ecx, 8)
    movl $0, 4(%ebx, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jne 1b

    movl $(boot_low_pointers - KERNEL_BASE), %eax
    movl $(boot_directories - KERNEL_BASE + PRESENT_WRITE), %ebx
    movl %ebx, (%eax)
    addl $0x1000, %ebx
    movl %ebx, 8(%eax)
    addl $0x1000, %ebx
    movl %ebx, 16(%eax)
    addl $0x1000, %ebx
    movl %ebx, 24(%eax)
    movl $(boot_high_pointers - KERNEL_BASE), %eax
    movl $(boot_directories - KERNEL_BASE + PRESENT_WRITE), %ebx
    movl %ebx, 510*8(%eax)
    movl $(boot_top_table - KERNEL_BASE), %eax
    movl $(boot_low_pointers - KERNEL_BASE + PRESENT_WRITE), %ebx
    movl %ebx, (%eax)                # identity
    movl %ebx, 273*8(%eax)           # direct map
    movl $(boot_high_pointers - KERNEL_BASE + PRESENT_WRITE), %ebx
    movl %ebx, 511*8(%eax)           # kernel image

    movl %eax, %cr3
    movl %cr4, %eax
    orl $(1 << 5), %eax              # PAE
    movl %eax, %cr4
    movl $EFER, %ecx
    rdmsr
    orl $(1 << 8), %eax              # long mode
    testl $(1 << 20), %ebp           # no-execute
    jz 2f
    orl $(1 << 11), %eax
2:  wrmsr
    movl $0x80010033, %eax           # PG WP NE ET MP PE
    movl %eax, %cr0
    lgdt boot_gdt_pointer - KERNEL_BASE
    ljmp $8, $(long_mode - KERNEL_BASE)

.code64
long_mode:
    movl $16, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movabsq $high_half, %rax
    jmp *%rax
high_half:
    movabsq $boot_stack_top, %rsp
    xorl %ebp, %ebp
    movl %edi, %edi
    movl %esi, %esi
    callq rust_entry
    ud2

.section .rodata.boot, "a"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff
    .quad 0x00cf92000000ffff
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .long boot_gdt - KERNEL_BASE

.section .bss.boot, "aw", @nobits
    .balign 4096
.global boot_top_table
boot_top_table:
    .skip 4096
boot_low_pointers:
    .skip 4096
boot_high_pointers:
    .skip 4096
boot_directories:
    .skip 4*4096
.global boot_stack_guard
boot_stack_guard:                    # unmapped once the kernel's own tables stand
    .skip 4096
    .skip 128*1024
.global boot_stack_top
boot_stack_top:
.text
