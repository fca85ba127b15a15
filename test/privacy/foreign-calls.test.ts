import assert from "node:assert/strict";
import { it } from "node:test";
import { foreignCalls } from "./foreign-calls.ts";

const BOUNDS = { cwd: "/clone", mine: ["/out", "/temporary"] };

/** As strace -y writes them. */
const HARMLESS = `
socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0) = 19<socket:[17293]>
socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [3<socket:[1]>, 4<socket:[2]>]) = 0
connect(19<socket:[17293]>, {sa_family=AF_UNIX, sun_path="/temporary/tsx-0/9068.pipe"}, 110) = -1 ENOENT (No such file)
openat(AT_FDCWD</clone>, "src/cli/main.ts", O_RDONLY|O_CLOEXEC) = 17</clone/src/cli/main.ts>
openat(AT_FDCWD</clone>, "/dev/null", O_RDWR) = 1</dev/null>
openat(AT_FDCWD</out>, "r.json", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0666) = 20</out/r.json>
rename("/out/.r.json.tmp", "/out/r.json") = 0
mkdir("/temporary/tsx-0", 0777) = 0
sendmsg(3<socket:[1]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="{}", iov_len=2}], msg_controllen=0}, 0) = 2
+++ exited with 0 +++`;

const FOREIGN = `
socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 22<socket:[3]>
socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = -1 EAFNOSUPPORT (Address family not supported)
socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 22<socket:[3]>
connect(22<socket:[3]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = 0
connect(23<socket:[4]>, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (No such file)
openat(AT_FDCWD</clone>, "/home/.cache/deviceid", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 21</home/.cache/deviceid>
openat(AT_FDCWD</out>, "../home/log", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied)
openat(AT_FDCWD</clone>, "/outside", O_WRONLY|O_CREAT, 0644) = 9</outside>
openat(30</home>, "x", O_WRONLY|O_TRUNC) = 9</home/x>
mkdir(".cache", 0777) = 0
rename("/out/a", "/home/a") = 0
unlink("/home/a") = 0
openat(AT_FDCWD</clone>, "/dev/shm/x", O_RDWR|O_CREAT, 0600) = 9</dev/shm/x>
io_uring_setup(64, {flags=0}) = 9<anon_inode:[io_uring]>`;

it("what reaches beyond the outputs is told from what does not", () => {
  const foreign = FOREIGN.trim().split("\n");
  assert.deepEqual(foreignCalls(HARMLESS.trim().split("\n"), BOUNDS), []);
  assert.deepEqual(foreignCalls(foreign, BOUNDS), foreign);
});
