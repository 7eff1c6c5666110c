// wslimit: the floor of WebSocket fan-out on this kernel. One epoll thread that unmasks what the publisher sends and
// writes it, coalesced per loop turn, to every other connection. No TLS, no protocol, no look at the payload: no
// server can do less per delivery, so this says how close a real one comes.
//
// Only for wsfan: it answers wsfan's fixed handshake key and believes every byte. Linux, loopback only.
// Ends by itself: with its parent, or after its lifetime.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] = "usage: wslimit [-D SECONDS] PORT\n"
                                 "  -D SECONDS  lifetime (600)\n";

enum { MAX_FDS = 65536, MAX_FRAME = 65535 + 8, OUT_BYTES = 1 << 22, IN_BYTES = 1 << 18 };

typedef struct {
  int upgraded;
  int publishes; // it sent a frame: it gets none
  int pending_bytes;
  unsigned char *pending; // the beginning of a frame whose rest has not arrived
} connection;

static connection connections[MAX_FDS];
static int live[MAX_FDS], live_count;
static unsigned char in[IN_BYTES], out[OUT_BYTES];
static int out_bytes;

static void out_of_time(int signal_number) {
  (void)signal_number;
  static const char message[] = "wslimit: end of lifetime (-D)\n";
  ssize_t written = write(2, message, sizeof message - 1);
  (void)written;
  _exit(1);
}

static void drop(int fd) {
  close(fd);
  for (int i = 0; i < live_count; i++) {
    if (live[i] != fd) continue;
    live[i] = live[--live_count];
    break;
  }
  free(connections[fd].pending);
  connections[fd] = (connection){0};
}

// Returns 0 if the peer is gone or has not read for about a second.
static int write_all(int fd) {
  int patience = 20000;
  for (int at = 0; at < out_bytes;) {
    ssize_t n = write(fd, out + at, out_bytes - at);
    if (n > 0) {
      at += n;
    } else {
      if (errno != EAGAIN || --patience == 0) return 0;
      usleep(50);
    }
  }
  return 1;
}

static void flush(void) {
  for (int i = live_count - 1; out_bytes && i >= 0; i--) {
    int fd = live[i];
    if (connections[fd].upgraded && !connections[fd].publishes && !write_all(fd)) drop(fd);
  }
  out_bytes = 0;
}

// Appends the frame at the start of `bytes` to `out`, unmasked. Returns its length, 0 if it is not complete.
static int forward(const unsigned char *bytes, int available) {
  if (available < 6) return 0;
  int length = bytes[1] & 127, head = 2;
  if (length == 126) {
    length = bytes[2] << 8 | bytes[3];
    head = 4;
  }
  if (available < head + 4 + length) return 0;
  if (out_bytes + MAX_FRAME > OUT_BYTES) flush();
  out[out_bytes++] = bytes[0];
  out[out_bytes++] = length < 126 ? length : 126;
  if (length >= 126) {
    out[out_bytes++] = length >> 8;
    out[out_bytes++] = length;
  }
  const unsigned char *key = bytes + head, *payload = key + 4;
  for (int i = 0; i < length; i++) out[out_bytes++] = payload[i] ^ key[i & 3];
  return head + 4 + length;
}

static void take(int epoll, int listener) {
  static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  struct epoll_event events[512];
  int ready = epoll_wait(epoll, events, 512, -1), one = 1;
  for (int k = 0; k < ready; k++) {
    int fd = events[k].data.fd;
    if (fd == listener) {
      int peer = accept4(listener, 0, 0, SOCK_NONBLOCK);
      if (peer < 0) continue;
      if (peer >= MAX_FDS) {
        close(peer);
        continue;
      }
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      live[live_count++] = peer;
      struct epoll_event event = {.events = EPOLLIN, .data.fd = peer};
      epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &event);
      continue;
    }
    connection *c = &connections[fd];
    ssize_t got = read(fd, in + c->pending_bytes, IN_BYTES - MAX_FRAME);
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0) {
      drop(fd);
      continue;
    }
    if (!c->upgraded) {
      c->upgraded = write(fd, upgrade, sizeof upgrade - 1) == sizeof upgrade - 1;
      continue;
    }
    c->publishes = 1;
    memcpy(in, c->pending, c->pending_bytes);
    got += c->pending_bytes;
    free(c->pending);
    c->pending = 0;
    c->pending_bytes = 0;
    int at = 0, used;
    while ((used = forward(in + at, got - at)) > 0) at += used;
    if (got > at && (c->pending = malloc(got - at))) {
      c->pending_bytes = got - at;
      memcpy(c->pending, in + at, got - at);
    }
  }
  flush();
}

int main(int argc, char **argv) {
  int lifetime_s = 600, one = 1;
  for (int option; (option = getopt(argc, argv, "D:")) > 0;) {
    if (option == 'D') lifetime_s = atoi(optarg);
    else lifetime_s = 0;
  }
  int port = optind < argc ? atoi(argv[optind]) : 0;
  if (port < 1 || port > 65535 || lifetime_s < 1) {
    fputs(usage_text, stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, out_of_time);
  alarm(lifetime_s);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
    perror("wslimit: listen");
    return 1;
  }
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) take(epoll, listener);
}
