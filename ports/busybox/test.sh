#!/bin/sh
# Runs inside the VM: each line is `ok NAME` or `not ok NAME: what came instead`.

failed=0

# check NAME EXPECTED COMMAND: COMMAND's output and errors must be EXPECTED.
check() {
	got=$(sh -c "$3" 2>&1)
	if [ "$got" = "$2" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $(echo "$got" | head -n 3 | tr '\n' ' ')"
		failed=1
	fi
}

work=/tmp/busybox-test
rm -rf "$work"
mkdir -p "$work" && cd "$work" || exit 1

# --- the shell
check echo             hello                'echo hello'
check pipeline         3                    'printf "c\na\nb\n" | sort | wc -l'
check long_pipeline    5000                 'seq 5000 | cat | cat | cat | cat | wc -l'
check substitution     'x y'                'echo $(echo x) `echo y`'
check arithmetic       42                   'echo $((6 * 7))'
check here_document    'one two'            'tr "\n" " " <<E | sed "s/ $//"
one
two
E'
check redirect         'a b'                'echo a >f; echo b >>f; tr "\n" " " <f | sed "s/ $//"; rm f'
check stderr_redirect  gone                 'ls /nowhere 2>/dev/null || echo gone'
check and_or           yes                  'true && ! false && echo yes'
check exit_status      7                    'sh -c "exit 7"; echo $?'
check signal_status    137                  'sh -c "kill -9 \$\$" 2>/dev/null; echo $?'
check not_found        127                  'nosuchcommand 2>/dev/null; echo $?'
check not_executable   126                  'echo x >f; ./f 2>/dev/null; echo $?; rm f'
check function         'f 1 2'              'f() { echo f "$@"; }; f 1 2'
check case             matched              'case abc in a*) echo matched;; esac'
check while_read       6                    'n=0; while read x; do n=$((n + x)); done <<E
1
2
3
E
echo $n'
check background_wait  'done 3'             '(exit 3) & wait $!; echo done $?'
check background_many  10                   'for i in 1 2 3 4 5 6 7 8 9 10; do (echo x) & done >out; wait; wc -l <out; rm out'
check trap_exit        'body end'           'trap "echo end" EXIT; printf "body "'
check trap_signal      got                  'trap "echo got; exit 0" USR1; kill -USR1 $$; echo never'
check subshell         '2 1'                'a=1; (a=2; printf "$a "); echo $a'
check glob             'a1 a2'              'touch a1 a2; echo a*; rm a1 a2'
check script           'args 1 2'           'printf "#!/bin/sh\necho args \$*\n" >s; chmod +x s; ./s 1 2; rm s'
check nested_script    deep                 'printf "#!/bin/sh\nsh -c \"echo deep\"\n" >s; chmod +x s; ./s; rm s'
check umask            '-rw-r-----'         'umask 027; : >f; ls -l f | cut -c1-10; rm f'
check ulimit           64                   'ulimit -n 64; ulimit -n'
check environment      value                'NAME=value sh -c "echo \$NAME"'
check cd_pwd           /tmp                 'cd /tmp && pwd'
check exec_fd          three                'exec 3>f; echo three >&3; exec 3>&-; cat f; rm f'
check broken_pipe      done                 'yes | head -n 1 >/dev/null; echo done'
check sleep_jobs       over                 'for i in 1 2 3; do sleep 1 & done; wait; echo over'
check timeout_kills    143                  'sh -c "timeout 1 sleep 30; exit \$?" 2>/dev/null; echo $?'

# --- files
check cp_mv_rm         same                 'seq 100 >a; cp a b; mv b c; cmp a c && echo same; rm a c'
check cp_recursive     '2'                  'mkdir -p d/e; echo 1 >d/x; echo 2 >d/e/y; cp -r d f; cat f/e/y; rm -r d f'
check rm_recursive     'gone'               'mkdir -p d/e/f; touch d/e/f/g; rm -r d; ls d 2>/dev/null || echo gone'
check hard_link        '2 same'             'echo x >a; ln a b; stat -c %h a | tr "\n" " "; [ a -ef b ] && echo same; rm a b'
check symlink          target               'ln -s target l; readlink l; rm l'
check symlink_loop     loop                 'ln -s l l; cat l 2>/dev/null || echo loop; rm l'
check chmod            640                  'touch f; chmod 640 f; stat -c %a f; rm f'
check chown            '1000 1000'          'touch f; chown 1000:1000 f; stat -c "%u %g" f; rm f'
check touch_time       946684800            'touch -d @946684800 f; stat -c %Y f; rm f'
check find             './d/e/f'            'mkdir -p d/e; touch d/e/f; find . -name f; rm -r d'
check find_xargs       3                    'mkdir d; touch d/1 d/2 d/3; find d -type f | xargs ls | wc -l; rm -r d'
check du               ok                   'dd if=/dev/zero of=f bs=1k count=64 2>/dev/null; du f | grep -q "^6[4-9]" && echo ok; rm f'
check dd               65536                'dd if=/dev/zero of=f bs=4k count=16 2>/dev/null; wc -c <f; rm f'
check truncate         4096                 'truncate -s 4096 f; wc -c <f; rm f'
check fifo             through              'mkfifo p; cat p & echo through >p; wait; rm p'
check mktemp           made                 'f=$(mktemp) && [ -f "$f" ] && rm "$f" && echo made'
check ls_sorted        'a b c'              'mkdir d; touch d/c d/a d/b; ls d | tr "\n" " " | sed "s/ $//"; rm -r d'
check many_files       500                  'mkdir d; for i in $(seq 500); do : >d/$i; done; ls d | wc -l; rm -r d'
check readonly_denied  denied               'touch f; chmod 600 f; su user -s /bin/sh -c "cat $PWD/f" 2>/dev/null || echo denied; rm f'

# --- text and data
check grep             two                  'printf "one\ntwo\n" | grep w'
check sed              'b c'                'echo "a c" | sed s/a/b/'
check awk              6                    'printf "1\n2\n3\n" | awk "{ s += \$1 } END { print s }"'
check sort_uniq        '2 a'                'printf "a\nb\na\n" | sort | uniq -c | sort -rn | head -n 1 | sed "s/^ *//"'
check tr_cut           B                    'echo a:b | cut -d: -f2 | tr a-z A-Z'
check gzip             same                 'seq 1000 >a; gzip -c a | gunzip -c | cmp - a && echo same; rm a'
check tar              y                    'mkdir d; echo y >d/x; tar cf t d; rm -r d; tar xf t; cat d/x; rm -r d t'
check cpio             y                    'mkdir d; echo y >d/x; find d | cpio -o -H newc >c 2>/dev/null; rm -r d; cpio -i <c 2>/dev/null; cat d/x; rm -r d c'
check md5sum           ok                   'printf abc | md5sum | grep -q ^900150983cd24fb0d6963f7d28e17f72 && echo ok'
check sha256sum        ok                   'printf abc | sha256sum | grep -q ^ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad && echo ok'
check ed               hello                'echo hellx >f; printf "s/x/o/\nw\nq\n" | ed f >/dev/null; cat f; rm f'
check bc               '1.50'               'echo "scale=2; 3/2" | bc'
check date             '2000-01-01'         'date -u -d @946684800 +%Y-%m-%d'
check diff             '-b'                 'printf "a\nb\n" >x; printf "a\n" >y; diff x y | grep "^-b"; rm x y'

# --- the system
check id               'uid=0(root) gid=0(root)' 'id | cut -d" " -f1-2'
check su               user                 'su user -s /bin/sh -c "id -un"'
check uname            x86_64               'uname -m'
check passwd_root      root                 'cut -d: -f1 /etc/passwd | grep root'
check ps_self          ok                   'ps | grep -q "[p]s" && echo ok'
check ps_pid_one       ok                   'ps -o pid | grep -q "^ *1$" && echo ok'
check pidof            found                'sleep 30 & until pidof sleep >/dev/null; do usleep 10000; done; echo found; kill $!'
check kill             terminated           'sleep 30 & kill $!; wait $! 2>/dev/null; [ $? = 143 ] && echo terminated'
check free             ok                   'free | awk "/^Mem:/ { if (\$2 > 0 && \$2 >= \$3) print \"ok\" }"'
check top              ok                   'top -b -n 1 | head -n 1 | grep -q "^Mem:" && echo ok'
check uptime           ok                   'uptime | grep -q "load average" && echo ok'
check mount            ok                   'mount | grep -q " on / type " && mount | grep -q " on /proc type proc" && echo ok'
check df               ok                   'df -a | grep -q " /proc$" && echo ok'
check proc_self        ok                   '[ "$(readlink /proc/self/exe)" != "" ] && [ -d /proc/1 ] && echo ok'
check dev_null         0                    'echo x >/dev/null; wc -c </dev/null'
check dev_zero         10                   'head -c 10 /dev/zero | wc -c'
check dev_full         full                 'echo x 2>/dev/null >/dev/full || echo full'
check dev_urandom      differ               'a=$(head -c 16 /dev/urandom | md5sum); b=$(head -c 16 /dev/urandom | md5sum); [ "$a" != "$b" ] && echo differ'
check which            /bin/sh              'which sh'
check env              x=1                  'env -i x=1 env'
check xargs            '1 2 3'              'printf "1\n2\n3\n" | xargs echo'
check seq_loop         200                  'n=0; for i in $(seq 200); do n=$((n + $(echo 1))); done; echo $n'

cd / && rm -rf "$work"
exit $failed
