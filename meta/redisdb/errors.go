package redisdb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// replyError is an error that the server answered with.
type replyError string

// Error returns the server's words.
func (e replyError) Error() string { return string(e) }

// RedisError makes it an error of the server for the library.
func (replyError) RedisError() {}

var _ redis.Error = replyError("")

// fate is what is known of a call that failed.
type fate uint8

const (
	final   fate = iota // it did nothing, and will not next time
	busy                // it did nothing; another time it may work
	unknown             // it may have been done
)

// judge says what an error means for a call. Errors of servers and of connecting come before anything was done; what breaks
// while an answer is awaited may come after. A command whose sending failed was not received whole, so it was not done.
func judge(err error) fate {
	var answered redis.Error
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	for _, e := range []error{record.ErrCorrupt, errReply, errUnsupported} {
		if errors.Is(err, e) {
			return final
		}
	}
	switch {
	case errors.As(err, &answered):
		if isBusy(answered.Error()) {
			return busy
		}
		return final
	case errors.Is(err, redis.ErrClosed), errors.As(err, &cert):
		return final
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return busy
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "write"):
		return busy
	case isUnreachable(err.Error()):
		return busy
	}
	return unknown
}

// isUnreachable knows what the library says when it finds no server to ask.
func isUnreachable(text string) bool {
	return strings.HasPrefix(text, "redis: all sentinels") || strings.Contains(text, "cluster has no nodes") || strings.Contains(text, "Can't find reachable")
}

// over returns why a context is over. Connections notice a deadline before the context does.
func over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return nil
}

// readErr is the error of a call that only reads: whatever broke, it can be made again.
func readErr(ctx context.Context, what string, err error) error {
	var conflict *engine.Conflict
	if err == nil || errors.As(err, &conflict) {
		return err
	}
	if over := over(ctx); over != nil {
		return fmt.Errorf("%s: %w", what, over)
	}
	if judge(err) == final {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, engine.ErrBusy, err)
}

// writeErr is the error of a call that writes.
func writeErr(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	switch judge(err) {
	case busy:
		return fmt.Errorf("%s: %w: %w", what, engine.ErrBusy, err)
	case unknown:
		return fmt.Errorf("%s: %w: %w", what, engine.ErrUnknown, errors.Join(err, over(ctx)))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// code returns the first word of a server's error, also of one that a script met: servers before 7 put that behind words of
// their own, "… @user_script: 12: -OOM command …".
func code(text string) string {
	if strings.HasPrefix(text, "ERR Error running script") {
		if i := strings.Index(text, ": -"); i >= 0 {
			text = text[i+3:]
		}
	}
	word, _, _ := strings.Cut(text, " ")
	return word
}

// isBusy reports whether a server's error is of the moment: nothing was done, and it may work later or elsewhere.
func isBusy(text string) bool {
	switch code(text) {
	case "LOADING", "READONLY", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "MASTERDOWN", "BUSY", "OOM", "NOREPLICAS", "MISCONF", "EXECABORT", "UNKILLABLE":
		return true
	}
	for _, words := range []string{
		"ERR max number of clients", "ERR DISABLE", "ERR NOWRITE", "ERR NOREAD", // the last three are of hosted servers
		"Script attempted to access a non local key", "Script attempted to access keys that do not hash to the same slot",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// isMoved reports whether a server says that the volume is elsewhere.
func isMoved(text string) bool {
	switch code(text) {
	case "MOVED", "ASK", "CLUSTERDOWN", "READONLY":
		return true
	}
	return strings.Contains(text, "a non local key")
}

// isDenied reports whether a server does not let this client in, or not do this.
func isDenied(text string) bool {
	switch code(text) {
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return true
	}
	return strings.Contains(text, "invalid password") || strings.Contains(text, "invalid username-password")
}

// isNoScript reports whether a server does not have a script that it was asked to run by its hash.
func isNoScript(text string) bool { return strings.HasPrefix(text, "NOSCRIPT") }

// isRefused reports whether a server does not run scripts, or not such as touch keys that were not named beforehand.
func isRefused(text string) bool {
	for _, words := range []string{"NOPERM", "unknown command", "undeclared", "not allowed", "not supported", "disabled"} {
		if strings.Contains(text, words) && !isBusy(text) {
			return true
		}
	}
	return false
}
