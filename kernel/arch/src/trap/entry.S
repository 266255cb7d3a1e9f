# Trap entry: 256 stubs, the common way in, the way out to user mode, and the IST way in.
# Frames are `UserFrame`; its error-code slot is orig_rax. Intel syntax; constants come from Rust.

.macro PUSH_REGISTERS
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
.endm

.macro POP_REGISTERS
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
.endm

.section .text.trap, "ax"

# One stub of 16 bytes per vector: error code (0 where the CPU pushes none), vector.
    .balign 16
.global trap_stubs
trap_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if vector == 8 || vector == 10 || vector == 11 || vector == 12 || vector == 13 || vector == 14 || vector == 17 || vector == 21 || vector == 29 || vector == 30
    .else
    push 0
    .endif
    push vector
    .if vector == 1 || vector == 2 || vector == 8 || vector == 18
    jmp trap_on_ist
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
.endr

# Stack: vector, error, rip, cs, rflags, rsp, ss.
    .balign 16
trap_common:
    cld
    test byte ptr [rsp + 24], 3
    jz trap_from_kernel
    swapgs
trap_from_kernel:
    cmp byte ptr [rip + {smap}], 0
    je 1f
    clac
1:
    xchg [rsp], rdi                     # rdi = vector
    PUSH_REGISTERS
    mov rdx, [rsp + {orig_rax}]         # error
    mov qword ptr [rsp + {orig_rax}], -1
    mov esi, edi
    mov rdi, rsp
    sub rsp, 8
    call {dispatch}
    add rsp, 8
    test byte ptr [rsp + {cs}], 3
    jnz return_to_user
    POP_REGISTERS
    add rsp, 8
    iretq

# The frame at rsp goes back to user mode; interrupts in any state.
.global return_to_user
return_to_user:
    cli
    cmp byte ptr gs:[{work}], 0
    jne 2f
    mov rcx, [rsp + {rip}]
    shr rcx, 47
    jnz 3f                              # not a user address
    # SYSRET when it restores everything: rcx and r11 hold rip and rflags, no trap or resume flag.
    mov rcx, [rsp + {rcx}]
    cmp rcx, [rsp + {rip}]
    jne 1f
    mov r11, [rsp + {r11}]
    cmp r11, [rsp + {rflags}]
    jne 1f
    test r11d, 0x10100
    jnz 1f
    POP_REGISTERS
    mov rsp, [rsp + 32]
    swapgs
    sysretq
1:
    POP_REGISTERS
    add rsp, 8
    swapgs
    iretq
2:
    mov rdi, rsp
    sub rsp, 8
    call {work_handler}
    add rsp, 8
    jmp return_to_user
3:
    mov rdi, rsp
    sub rsp, 8
    call {bad_address}
    add rsp, 8
    jmp return_to_user

# NMI, #DB, #MC, #DF: on an IST stack. GS may be the user's even in kernel mode, so the CPU's block is found
# through the stack's lowest word. From user mode the frame moves to the thread's kernel stack.
    .balign 16
trap_on_ist:
    cld
    test byte ptr [rsp + 24], 3
    jz 1f
    swapgs
    mov gs:[{scratch}], rdi
    mov rdi, rsp
    mov rsp, gs:[{syscall_stack}]
    add rsp, 8
    push [rdi + 48]
    push [rdi + 40]
    push [rdi + 32]
    push [rdi + 24]
    push [rdi + 16]
    push [rdi + 8]
    push [rdi]
    mov rdi, gs:[{scratch}]
    jmp trap_from_kernel
1:
    cmp byte ptr [rip + {smap}], 0
    je 2f
    clac
2:
    xchg [rsp], rdi
    PUSH_REGISTERS
    mov ebx, edi
    mov ecx, 0xc0000101                 # GS base
    rdmsr
    shl rdx, 32
    or rdx, rax
    mov r12, rdx
    mov rdx, rsp
    and rdx, -{ist_size}
    mov rdx, [rdx]
    mov eax, edx
    shr rdx, 32
    wrmsr
    mov rdx, [rsp + {orig_rax}]
    mov esi, ebx
    mov rdi, rsp
    sub rsp, 8
    call {ist_dispatch}
    add rsp, 8
    mov ecx, 0xc0000101
    mov rdx, r12
    mov eax, r12d
    shr rdx, 32
    wrmsr
    POP_REGISTERS
    add rsp, 8
    iretq
.text
