/*
 * The whole contract between the C shim (all that knows Perl's macros) and
 * Rust (all that knows descriptors).
 *
 * No Perl header is included: pointers are opaque and integers have fixed
 * widths, so that one src/xs/bindings.rs (made from this file by `make
 * bindings`) serves every perl.
 *
 * A call runs like this.  C reads all arguments, which may run Perl code, into
 * an fdp_call; enters Rust; does the step that Rust asks for, with no Rust
 * frame on the stack; enters again; and turns the answer into scalars.  Rust
 * never calls C while a call runs.
 */
#ifndef FDP_SHIM_H
#define FDP_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* What one argument has to be: the letters of fdp_sub.arguments. */
#define FDP_CONNECTION 'c' /* a handle or number to send over; pending output
                              is flushed, which has to go well               */
#define FDP_RECEIVER   'r' /* one to receive from: flushed, too, but how that
                              goes does not matter                           */
#define FDP_HANDLE     'h' /* what is sent: flushed as FDP_CONNECTION        */
#define FDP_PLAIN      'd' /* a handle or number; nothing is flushed         */
#define FDP_STATUS     'n' /* like FDP_HANDLE; or any integer, negative too  */
#define FDP_INTEGER    'i'
#define FDP_PATH       'p' /* bytes; dies if tainted                         */
#define FDP_BYTES      'b' /* a string without wide characters               */
#define FDP_STORE      'o' /* a variable that receives ids                   */
#define FDP_LIST       'l' /* a reference to an array, see fdp_sub.list      */
#define FDP_HANDLES    '@' /* all that follow, each as FDP_HANDLE; last      */
#define FDP_OPTIONS    '%' /* name => value pairs; last                      */
#define FDP_POSITIONAL 4   /* at most, before '@' or '%'                     */

/* What becomes of an argument that is not what it has to be. */
#define FDP_REFUSE      0 /* Rust sees FDP_BAD and answers EBADF              */
#define FDP_DIE_AS_0_09 1 /* "Invalid args to NAME: $_[0], $_[1]: ..."       */
#define FDP_DIE         2 /* "Invalid args to NAME: ..."                     */

/* One XSUB: a row of Rust's table, alive as long as the program. */
typedef struct {
    const char *name;      /* with its package                               */
    const char *prototype; /* or NULL                                        */
    const char *usage;     /* NULL: any number of arguments, as Perl subs    */
    const char *arguments; /* a letter each                                  */
    uint32_t    index;     /* of the row                                     */
    uint8_t     if_bad;    /* FDP_REFUSE, FDP_DIE_AS_0_09 or FDP_DIE         */
    uint8_t     as;        /* what descriptors become: FDP_AS_...            */
    uint8_t     stores;    /* into the FDP_STORE argument: FDP_STORE_...     */
    uint8_t     is_list;   /* gives any number of values, not one            */
    uint8_t     list;      /* what becomes of the array: FDP_LIST_...        */
    uint8_t     quiet;     /* it raises no SIGPIPE                           */
} fdp_sub;

#define FDP_AS_NUMBER   0
#define FDP_AS_HANDLE   1 /* IO::Handle over an anonymous glob */
#define FDP_AS_ENDPOINT 2 /* IO::File over one                 */
#define FDP_AS_LISTENER 3 /* the same, autoflushed             */
#define FDP_AS_SPARE    4 /* IO::File that is only kept open   */

/* Done before any Perl code can run. */
#define FDP_LIST_NOTHING  0
#define FDP_LIST_RECEIVED 1 /* what came is pushed: descriptors, or an errno  */
#define FDP_LIST_READ     2 /* bytes are added to the string at its front, and
                               descriptors pushed                             */
#define FDP_LIST_SENT     3 /* descriptors that have gone are taken off       */
#define FDP_LIST_WRITTEN  4 /* bytes are taken off the string at its front,
                               and descriptors, which went with the first     */
#define FDP_LIST_ALL_SENT 5 /* it is emptied                                  */

#define FDP_STORE_NOTHING 0
#define FDP_STORE_UID     1
#define FDP_STORE_SENDER  2

/* Of a call that fails, what Perl warns of. */
#define FDP_MISTAKE_NONE      0
#define FDP_MISTAKE_LISTENER  1 /* clients are to be accepted there          */
#define FDP_MISTAKE_NO_SERVER 2 /* they are, where nobody listens            */
#define FDP_MISTAKE_NO_SOCKET 3
#define FDP_MISTAKE_NOT_LOCAL 4 /* a socket that carries no descriptors      */

#define FDP_ABSENT 0 /* fewer arguments, or nothing to store into */
#define FDP_GOOD   1
#define FDP_BAD    2

typedef struct {
    int64_t        number; /* a descriptor, never negative, or an integer */
    const uint8_t *bytes;  /* a path or string, alive during the call     */
    size_t         length;
    uint8_t        state;
} fdp_argument;

typedef struct {
    const uint8_t *name;
    size_t         name_length;
    const uint8_t *text;      /* the value, alive during the call */
    size_t         text_length;
    double         number;    /* NaN where the value is no number */
    uint8_t        truth;
    uint8_t        defined;
    uint8_t        has_value; /* else the list ended with its name */
} fdp_option;

/* How a handle is opened, as open's `+<&=` and so on would. */
#define FDP_READ        0
#define FDP_WRITE       1
#define FDP_APPEND      2
#define FDP_READ_WRITE  3
#define FDP_READ_APPEND 4

#define FDP_ONE_BUFFER  0
#define FDP_TWO_BUFFERS 1 /* what cannot seek: reading and writing apart */
#define FDP_SOCKET      2 /* two, and known to Perl as a socket          */
#define FDP_ASK_BUFFERS 3 /* as fdp_buffers says, where it cannot seek   */

/* A descriptor that goes to Perl. */
typedef struct {
    int32_t number;  /* -1 once a Perl handle or scalar owns it */
    uint8_t mode;
    uint8_t buffers;
} fdp_received;

/* An id or number that becomes undef. */
static const int64_t FDP_UNKNOWN = INT64_MIN;

typedef struct {
    int64_t pid, uid, gid; /* FDP_UNKNOWN where the system cannot tell */
    uint8_t are_given;     /* else nothing is stored                   */
    uint8_t of_message;    /* else of the connection                   */
} fdp_ids;

/* What Rust asks for next. */
#define FDP_ANSWER 0 /* the call is over: fdp_call.answer holds               */
#define FDP_WAIT   1 /* call fdp_wait and enter again                         */
#define FDP_LIMIT  2 /* read $File::FDpasser::max_text and enter again        */
#define FDP_TEXT   3 /* hand answer.bytes on as the peer's text, enter again;
                        where the message goes on FDP_WAIT is next, which shows
                        signals                                              */
#define FDP_CROAK  4 /* die with answer.bytes                                 */
#define FDP_INVALID 5 /* the same, of the arguments                           */

typedef struct {
    int32_t        error;    /* errno, also of half a success; 0: $! stays     */
    uint8_t        has_bytes;
    uint8_t        owns_bytes; /* Rust frees them with the call              */
    uint8_t        numbers;  /* how many of number[] become scalars            */
    const uint8_t *bytes;    /* a string, if has_bytes; a step's text          */
    size_t         length;
    int64_t        number[3];
    fdp_received   only;     /* owned by the call until Perl owns it           */
    fdp_received  *many;     /* the same; NULL: it is only one                 */
    size_t         received; /* how many there are                             */
    const uint32_t *list;    /* these too, freed with the call; in scalar     */
    size_t         list_length; /* context how many they are                   */
    uint8_t        is_list;
    size_t         surplus;  /* descriptors that were closed unasked for       */
    uint8_t        mistake;  /* FDP_MISTAKE_...                                */
    fdp_ids        ids;
} fdp_answer;

typedef struct {
    /* Read by C. */
    const fdp_sub *sub;
    fdp_argument   argument[FDP_POSITIONAL];
    const int32_t *handles; /* of FDP_HANDLES; a number too large is INT32_MAX */
    size_t         handles_length;
    const fdp_option *options;
    size_t         options_length;
    uint64_t       max_text;
    const int     *signal_pending; /* Perl's own flag: handlers wait to run; NULL
                                      if there are none */
    int32_t        max_system_fd;  /* $^F */
    int32_t        flush_error;    /* errno of a flush that failed, or EBADF of
                                      one of FDP_HANDLES; else 0 */

    /* Owned by Rust between steps; freed by fdp_abandon. */
    void          *operation;
    void          *sigpipe;

    fdp_answer     answer;
} fdp_call;

/* Rust's side. */

/* Which transport makes endpoints, decided when the library is loaded first;
 * `tainting` says that the environment is not to be trusted. */
void fdp_choose_transport(uint8_t tainting);

/* The first step of a call, or the next. */
uint32_t fdp_enter(fdp_call *call);
/* Blocks as the operation asked.  Owns nothing, so that a signal handler that
 * Perl runs inside (POSIX::sigaction without `safe`) may leave by die. */
void fdp_wait(fdp_call *call);
/* Frees what the call still owns: the operation, descriptors nobody took. */
void fdp_abandon(fdp_call *call);
/* How a descriptor that is open in both directions is buffered: FDP_ONE_BUFFER
 * and so on. */
uint8_t fdp_buffers(int32_t descriptor);
/* Waits until something can be written, as the descriptor may: 0; or EAGAIN or
 * EINTR, and it cannot.  Owns nothing, as fdp_wait. */
int32_t fdp_await_room(fdp_call *call, int32_t descriptor);
/* Where the descriptor stands in its file; -1 if nowhere. */
int64_t fdp_offset(int32_t descriptor);
/* Around what may raise SIGPIPE for a reason that is not the caller's. */
void fdp_hold_sigpipe(fdp_call *call);
void fdp_release_sigpipe(fdp_call *call);
/* The peer's text as it may be shown on the descriptor: on a terminal with
 * control characters escaped.  Alive until the next step. */
void fdp_escape_text(fdp_call *call, int32_t descriptor);
/* The table of XSUBs; NULL past its end. */
const fdp_sub *fdp_table(size_t row);

/* C's side. */

/* Registers the table's XSUBs; `interpreter` is NULL on a perl that has only
 * one, `xsub` is the CV of the running bootstrap. */
void fdp_boot(void *interpreter, void *xsub);

#endif
