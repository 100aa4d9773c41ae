package redisdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestErrorsOfCommits(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		err  error
		want error // nil: neither of the two
	}{
		{replyError("LOADING Redis is loading the dataset in memory"), engine.ErrBusy},
		{replyError("READONLY You can't write against a read only replica."), engine.ErrBusy},
		{replyError("CLUSTERDOWN The cluster is down"), engine.ErrBusy},
		{replyError("MOVED 3999 127.0.0.1:6381"), engine.ErrBusy},
		{replyError("ASK 3999 127.0.0.1:6381"), engine.ErrBusy},
		{replyError("TRYAGAIN Multiple keys request during rehashing of slot"), engine.ErrBusy},
		{replyError("MASTERDOWN Link with MASTER is down"), engine.ErrBusy},
		{replyError("BUSY Redis is busy running a script."), engine.ErrBusy},
		{replyError("MISCONF Redis is configured to save RDB snapshots"), engine.ErrBusy},
		{replyError("NOREPLICAS Not enough good replicas to write."), engine.ErrBusy},
		{replyError("EXECABORT Transaction discarded because of previous errors."), engine.ErrBusy},
		{replyError("OOM command not allowed when used memory > 'maxmemory'. script: 5c, on @user_script:90."), engine.ErrBusy},
		{replyError("ERR Error running script (call to f_5c): @user_script:90: @user_script: 90: -OOM command not allowed when used memory > 'maxmemory'."), engine.ErrBusy},
		{replyError("ERR max number of clients reached"), engine.ErrBusy},
		{replyError("ERR DISABLE You can't write or read against a disable instance"), engine.ErrBusy},
		{replyError("ERR Script attempted to access a non local key in a cluster node script: 5c"), engine.ErrBusy},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, engine.ErrBusy},
		{fmt.Errorf("send: %w", &net.OpError{Op: "write", Err: io.ErrClosedPipe}), engine.ErrBusy},
		{redis.ErrPoolTimeout, engine.ErrBusy},
		{redis.ErrPoolExhausted, engine.ErrBusy},
		{errors.New("redis: all sentinels specified in configuration are unreachable"), engine.ErrBusy},
		{io.EOF, engine.ErrUnknown},
		{io.ErrUnexpectedEOF, engine.ErrUnknown},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, engine.ErrUnknown},
		{context.DeadlineExceeded, engine.ErrUnknown},
		{errors.New("something new"), engine.ErrUnknown},
		{replyError("WRONGTYPE Operation against a key holding the wrong kind of value"), nil},
		{replyError("NOAUTH Authentication required."), nil},
		{replyError("NOPERM this user has no permissions"), nil},
		{redis.ErrClosed, nil},
		{fmt.Errorf("entry: %w", record.ErrCorrupt), nil},
	} {
		got := writeErr(ctx, "commit", c.err)
		for _, e := range []error{engine.ErrBusy, engine.ErrUnknown} {
			if errors.Is(got, e) != (c.want == e) { //nolint:errorlint // which of the two it is
				t.Errorf("%v: got %v, want %v", c.err, got, c.want)
			}
		}
		if got := readErr(ctx, "fetch", c.err); errors.Is(got, engine.ErrUnknown) || errors.Is(got, engine.ErrBusy) != (c.want != nil) {
			t.Errorf("reading, %v: got %v", c.err, got)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if got := readErr(gone, "fetch", io.EOF); !errors.Is(got, context.Canceled) {
		t.Errorf("a read that was cancelled: %v", got)
	}
	if got := writeErr(gone, "commit", os.ErrDeadlineExceeded); !errors.Is(got, engine.ErrUnknown) || !errors.Is(got, context.Canceled) {
		t.Errorf("a commit that was cancelled: %v", got)
	}
}

func TestRefusedScriptsAreKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"NOPERM this user has no permissions to run the 'eval' command":         true,
		"ERR unknown command 'EVAL', with args beginning with: ":                true,
		"ERR script tried accessing undeclared key":                             true,
		"OOM command not allowed when used memory > 'maxmemory'.":               false,
		"LOADING Redis is loading the dataset in memory":                        false,
		"ERR Error running script: @user_script:3: attempt to call a nil value": false,
	} {
		if got := isRefused(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
