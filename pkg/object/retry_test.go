package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

func TestRetries(t *testing.T) {
	transient := errors.New("connection reset")
	for _, c := range []struct {
		name     string
		err      error
		fails    int // calls that fail
		wantErr  error
		wantCall int
	}{
		{"nothing fails", transient, 0, nil, 1},
		{"the second try works", transient, 1, nil, 2},
		{"the last try works", transient, 10, nil, 11},
		{"none works", transient, 100, transient, 11},
		{"absent", fs.ErrNotExist, 100, fs.ErrNotExist, 1},
		{"cancelled", context.Canceled, 100, context.Canceled, 1},
		{"a time limit of one try", context.DeadlineExceeded, 1, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			m := mem.New()
			put(t, m, "key", "hello")
			b := object.WithRetry(objecttest.WithFaults(m, func(context.Context, objecttest.Call) error {
				if calls++; calls <= c.fails {
					return fmt.Errorf("wrapped: %w", c.err)
				}
				return nil
			}), object.RetryOptions{Sleep: noSleep})
			_, errStat := b.Stat(t.Context(), "key")
			for op, err := range map[string]error{"stat": errStat} {
				if !errors.Is(err, c.wantErr) || calls != c.wantCall {
					t.Errorf("%s: got %v after %d calls, want %v after %d", op, err, calls, c.wantErr, c.wantCall)
				}
			}
			calls = 0
			if err := b.Put(t.Context(), "key", object.Bytes([]byte("hello"))); !errors.Is(err, c.wantErr) || calls != c.wantCall {
				t.Errorf("put: got %v after %d calls, want %v after %d", err, calls, c.wantErr, c.wantCall)
			}
			calls = 0
			if _, err := b.List(t.Context(), "", "", 1); !errors.Is(err, c.wantErr) || calls != c.wantCall {
				t.Errorf("list: got %v after %d calls, want %v after %d", err, calls, c.wantErr, c.wantCall)
			}
			calls = 0
			rr, _ := object.As[object.RangeReader](b)
			if n, err := rr.ReadRange(t.Context(), "key", make([]byte, 5), 0); !errors.Is(err, c.wantErr) || calls != c.wantCall || err == nil && n != 5 {
				t.Errorf("read range: got %v after %d calls, want %v after %d", err, calls, c.wantErr, c.wantCall)
			}
		})
	}
}

func TestRetriesStopWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	b := object.WithRetry(objecttest.WithFaults(mem.New(), func(context.Context, objecttest.Call) error {
		if calls++; calls == 3 {
			cancel()
		}
		return errors.New("down")
	}), object.RetryOptions{Delay: func(string, int) time.Duration { return 0 }})
	if err := b.Put(ctx, "key", object.Bytes(nil)); err == nil || calls != 3 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestDriversJudge(t *testing.T) {
	calls := 0
	b := object.WithRetry(judged{objecttest.WithFaults(mem.New(), func(context.Context, objecttest.Call) error {
		calls++
		return syscall.ENOSPC
	})}, object.RetryOptions{Sleep: noSleep})
	if err := b.Put(t.Context(), "key", object.Bytes(nil)); !errors.Is(err, syscall.ENOSPC) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

type judged struct{ object.Bucket }

func (judged) Final(err error) bool { return errors.Is(err, syscall.ENOSPC) }

func TestGetGoesOnWhereItBrokeOff(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 50000)
	m := mem.New()
	put(t, m, "key", string(data))
	for _, n := range []int64{-1, 300000} {
		reads, gets := 0, 0
		b := object.WithRetry(objecttest.WithFaults(m, func(_ context.Context, c objecttest.Call) error {
			switch c.Op {
			case "read":
				if reads++; reads%3 == 0 {
					return io.ErrUnexpectedEOF
				}
			case "get":
				gets++
			}
			return nil
		}), object.RetryOptions{Tries: 100, Sleep: noSleep})
		r, err := b.Get(t.Context(), "key", 7, n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		want := data[7:]
		if n >= 0 {
			want = want[:n]
		}
		if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) || gets < 2 {
			t.Errorf("got %d bytes of %d in %d gets, %v", len(got), len(want), gets, err)
		}
	}
}

func TestBrokenBodyThatNeverHeals(t *testing.T) {
	m := mem.New()
	put(t, m, "key", "hello")
	broken := errors.New("broken")
	b := object.WithRetry(objecttest.WithFaults(m, func(_ context.Context, c objecttest.Call) error {
		if c.Op == "read" {
			return broken
		}
		return nil
	}), object.RetryOptions{Tries: 4, Sleep: noSleep})
	if got, err := get(t, b, "key"); !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTimeLimits(t *testing.T) {
	hang := objecttest.WithFaults(mem.New(), func(ctx context.Context, _ objecttest.Call) error {
		<-ctx.Done()
		return ctx.Err()
	})
	b := object.WithTimeout(hang, time.Millisecond, time.Millisecond)
	_, errGet := b.Get(t.Context(), "key", 0, -1)
	_, errStat := b.Stat(t.Context(), "key")
	_, errList := b.List(t.Context(), "", "", 1)
	for op, err := range map[string]error{
		"get": errGet, "stat": errStat, "list": errList,
		"put": b.Put(t.Context(), "key", object.Bytes(nil)), "delete": b.Delete(t.Context(), "key"),
	} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", op, err)
		}
	}
	m := mem.New()
	put(t, m, "key", "hello")
	slow := object.WithTimeout(objecttest.WithFaults(m, func(ctx context.Context, c objecttest.Call) error {
		if c.Op == "read" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), time.Millisecond, 0)
	if _, err := get(t, slow, "key"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("body: got %v", err)
	}
}
