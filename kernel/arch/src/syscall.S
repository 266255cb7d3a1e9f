# SYSCALL entry: the three paths. All build the frame of `UserFrame` at the top of the kernel stack; Fast and Hybrid
# fill only what their exit restores, and complete it when there is pending work. Intel syntax.
#
# Entry: rax = number, rdi rsi rdx r10 r8 r9 = arguments, rcx = return address, r11 = flags, interrupts off.
# Stubs get rax = the call's table entry {{stub, handler, second}}, rsp = the frame's r10 slot (16-byte aligned).
# Offsets from there: r10 0, r9 8, r8 16, rax 24, rcx 32, rdx 40, rsi 48, rdi 56, orig_rax 64, rip 72, cs 80,
# rflags 88, rsp 96, ss 104.

.section .text.syscall, "ax"
    .balign 64
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[{scratch}], rsp
    mov rsp, gs:[{syscall_stack}]
    push gs:[{scratch}]
    push r11
    push {user_code}
    push rcx
    push rax
    push rdi
    push rsi
    push rdx
    sub rsp, 16
    push r8
    push r9
    push r10
    cmp rax, {calls}
    jae unknown_call
    shl eax, 5
    add rax, gs:[{table}]
    jmp [rax]

    .balign 16
.global syscall_fast
syscall_fast:
    mov rcx, r10
    call [rax + 8]
    cmp rax, 1
    jo escalate                         # only i64::MIN overflows
leave:
    cmp byte ptr gs:[{work}], 0
    jne leave_slowly
    pop r10
    pop r9
    pop r8
    add rsp, 16
    pop rdx
    pop rsi
    pop rdi
    mov rcx, [rsp + 8]
    mov r11, [rsp + 24]
    mov rsp, [rsp + 32]
    swapgs
    sysretq

    .balign 16
.global syscall_hybrid
syscall_hybrid:
    mov rcx, r10
    sti
    call [rax + 8]
    cli
    jmp leave

unknown_call:
    mov rax, {enosys}
    jmp leave

escalate:
    mov rax, [rsp + 64]
    shl eax, 5
    add rax, gs:[{table}]
    mov rcx, [rsp]
    mov r9, [rsp + 8]
    mov r8, [rsp + 16]
    mov rdx, [rsp + 40]
    mov rsi, [rsp + 48]
    mov rdi, [rsp + 56]
    sti
    call [rax + 16]
    cli
    jmp leave

# Pending work: complete the frame and leave as a trap does. Callee-saved registers are still the user's.
leave_slowly:
    mov [rsp + 24], rax
    mov rcx, [rsp + 72]
    mov [rsp + 32], rcx
    mov qword ptr [rsp + 104], {user_data}
    push [rsp + 88]
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    jmp return_to_user

    .balign 16
.global syscall_legacy
syscall_legacy:
    mov qword ptr [rsp + 24], {enosys}
    mov [rsp + 32], rcx
    mov qword ptr [rsp + 104], {user_data}
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    xor ebp, ebp
    mov rdi, rsp
    sub rsp, 8
    sti
    call [rax + 8]
    add rsp, 8
    mov [rsp + {frame_rax}], rax
    jmp return_to_user
.text
