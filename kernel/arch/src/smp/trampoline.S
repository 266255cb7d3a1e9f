# Start of a further CPU: real mode at TRAMPOLINE, to long mode in the kernel image. Copied to low memory; addresses
# within it are relative to where it is copied. AT&T syntax.

.section .rodata.trampoline, "a"
.code16
.global trampoline_start
trampoline_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt_pointer - trampoline_start + {base}
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x18, $(trampoline_protected - trampoline_start + {base})

.code32
trampoline_protected:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %ss
    movl %cr4, %eax
    orl $(1 << 5), %eax                 # PAE
    movl %eax, %cr4
    movl $(boot_top_table - {kernel_base}), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER: as the boot CPU's
    movl trampoline_efer - trampoline_start + {base}, %eax
    xorl %edx, %edx
    wrmsr
    movl $0x80010033, %eax              # PG WP NE ET MP PE
    movl %eax, %cr0
    ljmp $8, $(trampoline_long - trampoline_start + {base})

.code64
trampoline_long:
    movabsq $further_cpu_start, %rax
    jmp *%rax

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00af9a000000ffff
    .quad 0x00cf92000000ffff
    .quad 0x00cf9a000000ffff
trampoline_gdt_pointer:
    .short 31
    .long trampoline_gdt - trampoline_start + {base}
    .balign 4
.global trampoline_efer
trampoline_efer:
    .long 0
.global trampoline_end
trampoline_end:

.section .text.entry, "ax"
further_cpu_start:
    movl $0x10, %eax
    movw %ax, %ss
    movq {root}(%rip), %rax
    movq %rax, %cr3
    movq {stack}(%rip), %rsp
    xorl %ebp, %ebp
    callq {entry}
    ud2
.text
