// wsfan: a closed-loop WebSocket fan-out load in C: one epoll thread, no dependencies, Linux, loopback only.
//
// N subscribers and one publisher. The publisher keeps WINDOW publications outstanding; one is complete when all N
// subscribers have it. Every publication carries a token, `=~` and 16 hex digits (CLOCK_MONOTONIC in nanoseconds), so
// deliveries are counted by scanning for tokens and latency is read at the receiving end, without parsing a protocol.
// A frame header cannot look like a token: its first digit is always 0, and no message starts with a 0.
//
// CPU and memory of the server come from /proc by its process id. One line of JSON goes to stdout.
// Exit code 0: everything sent was delivered exactly once. 1: lost, doubled, refused, or out of time. 2: wrong usage.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
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

static const char usage_text[] =
    "usage: wsfan -p PORT [options]\n"
    "  -p PORT       port of the server on 127.0.0.1\n"
    "  -u PATH       path of the WebSocket endpoint (/)\n"
    "  -S NAME       subprotocol to offer\n"
    "  -n COUNT      subscribers (1000)\n"
    "  -w COUNT      publications outstanding (4)\n"
    "  -d SECONDS    measured time (5)\n"
    "  -W SECONDS    warm-up before it (1)\n"
    "  -D SECONDS    everything ends after this long, with exit code 1 (60)\n"
    "  -s BYTES      length of the text that stands for %s, token and padding (100)\n"
    "  -i TEXT       message every subscriber sends first; %d is its number; up to 8 times\n"
    "  -l FILE       its lines, one subscriber after the other, stand for %l in -i\n"
    "  -k TEXT       part of the answer to wait for; the first -k belongs to the first -i, and so on\n"
    "  -I TEXT       message the publisher sends first; up to 8 times\n"
    "  -K TEXT       the same as -k for the publisher\n"
    "  -m TEXT       the publish message; %s is the token and padding (%s)\n"
    "  -g PING=PONG  answer a frame PING with PONG\n"
    "  -P PID[,PID]  processes of the server whose CPU and memory are measured\n";

enum { MAX_INIT = 8, TOKEN_BYTES = 18, HEADROOM = 32, READ_BYTES = 1 << 18, MAX_SAMPLES = 2000000 };

typedef struct {
  int fd;
  int tail_bytes;
  long got;
  char tail[TOKEN_BYTES]; // the beginning of a token whose rest has not arrived
} subscriber;

static int port, count = 1000, window = 4, text_bytes = 100, deadline_s = 60;
static double measure_s = 5, warm_s = 1;
static const char *path = "/", *subprotocol, *publish_text = "%s", *pids = "";

// What is said first, and what part of an answer is waited for after each message.
typedef struct {
  const char *say[MAX_INIT], *hear[MAX_INIT];
  int says, hears;
} greeting;
static greeting subscriber_greeting, publisher_greeting;
static FILE *lines;
static unsigned char ping_frame[130], pong_frame[134];
static int ping_bytes, pong_bytes;

static subscriber *subscribers;
static char buffer[HEADROOM + READ_BYTES];
static uint64_t *samples;
static long sample_count, delivered;

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("wsfan: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

// Every wait below may block for ever on a server that hangs; this ends them all.
static void out_of_time(int signal_number) {
  (void)signal_number;
  static const char message[] = "wsfan: out of time (-D)\n";
  ssize_t written = write(2, message, sizeof message - 1);
  (void)written;
  _exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// `text` with the first `mark` replaced; the caller frees it.
static char *replaced(const char *text, const char *mark, const char *value) {
  const char *at = strstr(text, mark);
  char *out = malloc(strlen(text) + strlen(value) + 1);
  if (!out) fail("out of memory");
  if (!at) return strcpy(out, text);
  sprintf(out, "%.*s%s%s", (int)(at - text), text, value, at + strlen(mark));
  return out;
}

// A masked text frame (RFC 6455 section 5.2) with the key 0, which leaves the payload as it is.
static size_t make_frame(unsigned char *out, const char *text, size_t bytes) {
  size_t at = 0;
  out[at++] = 0x81;
  if (bytes < 126) {
    out[at++] = 0x80 | bytes;
  } else {
    out[at++] = 0x80 | 126;
    out[at++] = bytes >> 8;
    out[at++] = bytes;
  }
  memset(out + at, 0, 4);
  memcpy(out + at + 4, text, bytes);
  return at + 4 + bytes;
}

static void write_all(int fd, const void *data, size_t bytes) {
  uint64_t give_up = now_ns() + 5000000000ull;
  for (size_t at = 0; at < bytes;) {
    ssize_t n = write(fd, (const char *)data + at, bytes - at);
    if (n > 0) at += n;
    else if (errno != EAGAIN && errno != EINTR) fail("write: %s", strerror(errno));
    else if (now_ns() > give_up) fail("the server has not read for 5 s");
    else usleep(50);
  }
}

static void send_text(int fd, const char *text) {
  static unsigned char frame[65535 + 8];
  size_t bytes = strlen(text);
  if (bytes > 65535) fail("a message of more than 65535 bytes");
  write_all(fd, frame, make_frame(frame, text, bytes));
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0) fail("socket: %s", strerror(errno));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (void *)&address, sizeof address)) fail("connect to port %d: %s", port, strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  char request[1024];
  int bytes = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                       path, port, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
                       subprotocol ? "\r\n" : "");
  if (bytes >= (int)sizeof request) fail("path or subprotocol too long");
  write_all(fd, request, bytes);
  char head[4097];
  int got = 0;
  // Byte by byte: what follows the head belongs to the first frame.
  while (got < 4096 && read(fd, head + got, 1) == 1) {
    head[++got] = 0;
    if (got >= 4 && !memcmp(head + got - 4, "\r\n\r\n", 4)) {
      if (!strncmp(head, "HTTP/1.1 101", 12)) return fd;
      break;
    }
  }
  fail("handshake refused: %.*s", (int)strcspn(head, "\r\n"), got ? head : "closed");
  return -1;
}

static void wait_for(int fd, const char *part) {
  int got = 0;
  while (got < 8192) {
    ssize_t n = read(fd, buffer + got, 8192 - got);
    if (n <= 0) fail("closed while waiting for %s: %.*s", part, got, buffer);
    got += n;
    if (memmem(buffer, got, part, strlen(part))) return;
  }
  fail("no %s in 8192 bytes", part);
}

// The next line of the file, which starts anew at its end.
static const char *next_line(void) {
  static char line[4096];
  if (!lines) return "";
  if (!fgets(line, sizeof line, lines)) {
    rewind(lines);
    if (!fgets(line, sizeof line, lines)) fail("no line in the file of -l");
  }
  line[strcspn(line, "\n")] = 0;
  return line;
}

// Greets as client number `number`; from then on the socket does not block.
static void greet(int fd, const greeting *g, int number) {
  char digits[16];
  const char *line = next_line();
  snprintf(digits, sizeof digits, "%d", number);
  for (int i = 0; i < g->says; i++) {
    char *numbered = replaced(g->say[i], "%d", digits);
    char *text = replaced(numbered, "%l", line);
    send_text(fd, text);
    free(numbered);
    free(text);
    if (i < g->hears) wait_for(fd, g->hear[i]);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void usage_of_server(double *cpu_s, long *rss_kb) {
  char list[256], line[2048], file[64];
  *cpu_s = 0;
  *rss_kb = 0;
  snprintf(list, sizeof list, "%s", pids);
  for (char *pid = strtok(list, ","); pid; pid = strtok(0, ",")) {
    snprintf(file, sizeof file, "/proc/%d/stat", atoi(pid));
    FILE *stat = fopen(file, "r");
    if (!stat) fail("no process %s", pid);
    unsigned long user, kernel;
    long pages;
    char *end = fgets(line, sizeof line, stat) ? strrchr(line, ')') : 0;
    if (end && sscanf(end + 2,
                      "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
                      "%*d %*d %*d %*d %*d %*d %*u %*u %ld", &user, &kernel, &pages) == 3) {
      *cpu_s += (double)(user + kernel) / sysconf(_SC_CLK_TCK);
      *rss_kb += pages * (sysconf(_SC_PAGESIZE) / 1024);
    }
    fclose(stat);
  }
}

static uint64_t hex16(const char *digits) {
  uint64_t value = 0;
  for (int i = 0; i < 16; i++) value = value << 4 | (digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
  return value;
}

// Counts the tokens in [at, end); keeps the beginning of one that is cut off by the end of the read.
static void scan(subscriber *s, char *at, char *end) {
  s->tail_bytes = 0;
  while (at < end && (at = memchr(at, '=', end - at))) {
    long left = end - at;
    if (memcmp(at, "=~0", left < 3 ? left : 3)) {
      at++;
    } else if (left < TOKEN_BYTES) {
      memcpy(s->tail, at, left);
      s->tail_bytes = left;
      return;
    } else {
      delivered++;
      s->got++;
      if ((count < 8 || s->got % 8 == 0) && sample_count < MAX_SAMPLES) samples[sample_count++] = now_ns() - hex16(at + 2);
      at += TOKEN_BYTES;
    }
  }
}

// Reads what has arrived. Returns whether anything had.
static int receive(subscriber *s) {
  for (int any = 0;; any = 1) {
    char *at = buffer + HEADROOM - s->tail_bytes;
    ssize_t n = read(s->fd, buffer + HEADROOM, READ_BYTES);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return any;
    if (n <= 0) fail("subscriber %ld was closed by the server", (long)(s - subscribers));
    if (ping_bytes && memmem(buffer + HEADROOM, n, ping_frame, ping_bytes)) write_all(s->fd, pong_frame, pong_bytes);
    memcpy(at, s->tail, s->tail_bytes);
    scan(s, at, buffer + HEADROOM + n);
    if (n < READ_BYTES) return 1;
  }
}

static void discard(int fd) {
  ssize_t n;
  while ((n = read(fd, buffer, sizeof buffer)) > 0)
    if (ping_bytes && memmem(buffer, n, ping_frame, ping_bytes)) write_all(fd, pong_frame, pong_bytes);
  if (n == 0) fail("the publisher was closed by the server");
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void add(const char **list, int *length) {
  if (*length < MAX_INIT) list[(*length)++] = optarg;
}

static void parse(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:u:S:n:w:d:W:D:s:i:I:k:K:l:m:g:P:")) > 0;) {
    char *equals;
    switch (option) {
    case 'p': port = atoi(optarg); break;
    case 'u': path = optarg; break;
    case 'S': subprotocol = optarg; break;
    case 'n': count = atoi(optarg); break;
    case 'w': window = atoi(optarg); break;
    case 'd': measure_s = atof(optarg); break;
    case 'W': warm_s = atof(optarg); break;
    case 'D': deadline_s = atoi(optarg); break;
    case 's': text_bytes = atoi(optarg); break;
    case 'm': publish_text = optarg; break;
    case 'P': pids = optarg; break;
    case 'i': add(subscriber_greeting.say, &subscriber_greeting.says); break;
    case 'k': add(subscriber_greeting.hear, &subscriber_greeting.hears); break;
    case 'I': add(publisher_greeting.say, &publisher_greeting.says); break;
    case 'K': add(publisher_greeting.hear, &publisher_greeting.hears); break;
    case 'l':
      if (!(lines = fopen(optarg, "r"))) fail("%s: %s", optarg, strerror(errno));
      break;
    case 'g':
      equals = strchr(optarg, '=');
      if (equals && equals > optarg && strlen(optarg) < 120) {
        ping_frame[0] = 0x81;
        ping_frame[1] = equals - optarg;
        memcpy(ping_frame + 2, optarg, equals - optarg);
        ping_bytes = 2 + (equals - optarg);
        pong_bytes = make_frame(pong_frame, equals + 1, strlen(equals + 1));
        break;
      }
      // fall through
    default: fputs(usage_text, stderr); exit(2);
    }
  }
  if (port < 1 || port > 65535 || count < 1 || window < 1 || measure_s <= 0 || warm_s < 0 || deadline_s < 1 ||
      text_bytes < TOKEN_BYTES || text_bytes > 60000 || !strstr(publish_text, "%s")) {
    fputs(usage_text, stderr);
    exit(2);
  }
}

static void connect_subscribers(int epoll) {
  for (int i = 0; i < count; i++) {
    subscribers[i].fd = dial();
    greet(subscribers[i].fd, &subscriber_greeting, i);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, subscribers[i].fd, &event);
  }
}

int main(int argc, char **argv) {
  parse(argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, out_of_time);
  alarm(deadline_s);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  subscribers = calloc(count, sizeof *subscribers);
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  char *text = malloc(text_bytes + 1);
  if (!subscribers || !samples || !text) fail("out of memory");
  memset(text, 'x', text_bytes);
  text[text_bytes] = 0;

  double cpu_before, cpu_after;
  long rss_kb;
  int epoll = epoll_create1(0);
  uint64_t dialled = now_ns();
  connect_subscribers(epoll);
  double connect_s = (now_ns() - dialled) / 1e9;
  int publisher = dial();
  greet(publisher, &publisher_greeting, count);
  usleep(300000); // let the server finish what connecting left behind

  long sent = 0, delivered_before = 0;
  uint64_t start = now_ns(), measured_from = 0, last = start;
  uint64_t warm_until = start + (uint64_t)(warm_s * 1e9), until = warm_until + (uint64_t)(measure_s * 1e9);
  uint64_t elapsed_ns = 0, drain_until = 0;
  long measured = 0;
  struct epoll_event events[512];
  usage_of_server(&cpu_before, &rss_kb);
  for (;;) {
    uint64_t t = now_ns();
    if (!measured_from && t >= warm_until) {
      usage_of_server(&cpu_before, &rss_kb);
      measured_from = now_ns();
      delivered_before = delivered;
      sample_count = 0;
    }
    if (!drain_until && t >= until) {
      usage_of_server(&cpu_after, &rss_kb);
      elapsed_ns = now_ns() - measured_from;
      measured = delivered - delivered_before;
      // A moment longer than the last delivery needs, so that a doubled one is seen too.
      drain_until = t + 300000000ull;
    }
    if (drain_until && t >= drain_until && (delivered >= sent * count || t - last > 3000000000ull)) break;
    while (!drain_until && sent < window + delivered / count) {
      char token[TOKEN_BYTES + 1];
      snprintf(token, sizeof token, "=~%016llx", (unsigned long long)now_ns());
      memcpy(text, token, TOKEN_BYTES);
      char *message = replaced(publish_text, "%s", text);
      send_text(publisher, message);
      free(message);
      sent++;
    }
    int ready = epoll_wait(epoll, events, 512, 100);
    for (int i = 0; i < ready; i++)
      if (receive(&subscribers[events[i].data.u32])) last = t;
    discard(publisher);
    if (!drain_until && t > last && t - last > 5000000000ull)
      fail("stalled: %ld sent to %d subscribers, %ld delivered", sent, count, delivered);
  }

  long lost = 0, doubled = 0;
  for (int i = 0; i < count; i++) {
    if (subscribers[i].got < sent) lost += sent - subscribers[i].got;
    else doubled += subscribers[i].got - sent;
  }
  qsort(samples, sample_count, sizeof *samples, ascending);
  printf("{\"subscribers\":%d,\"window\":%d,\"publications\":%ld,\"deliveries\":%ld,\"lost\":%ld,\"doubled\":%ld,"
         "\"elapsed_s\":%.3f,\"deliveries_per_s\":%.0f,\"server_cpu_s\":%.2f,\"cpu_us_per_delivery\":%.4f,"
         "\"p50_us\":%.1f,\"p99_us\":%.1f,\"rss_mb\":%.1f,\"connect_s\":%.2f}\n",
         count, window, sent, measured, lost, doubled, elapsed_ns / 1e9, measured / (elapsed_ns / 1e9),
         cpu_after - cpu_before, measured ? (cpu_after - cpu_before) * 1e6 / measured : 0,
         sample_count ? samples[sample_count / 2] / 1e3 : 0, sample_count ? samples[sample_count * 99 / 100] / 1e3 : 0,
         rss_kb / 1024.0, connect_s);
  return lost || doubled;
}
