package redisdb

import (
	"context"
	"crypto/sha1" //nolint:gosec // the name of a script is its SHA-1
	_ "embed"     // for the scripts
	"encoding/hex"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// script is a program for the server. It is sent once, and then called by its hash.
type script struct{ text, hash string }

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
	return &script{text, hex.EncodeToString(sum[:])}
}

var (
	//go:embed lua/entry.lua
	entryText string
	//go:embed lua/path.lua
	pathText string
	//go:embed lua/commit.lua
	commitText string
	//go:embed lua/walk.lua
	walkText string
	//go:embed lua/page.lua
	pageText string
	//go:embed lua/listpath.lua
	listPathText string
	//go:embed lua/list.lua
	listText string
	//go:embed lua/look.lua
	lookText string
	//go:embed lua/data.lua
	dataText string
	//go:embed lua/probe.lua
	probeText string

	commitScript, walkScript = newScript(entryText + pathText + commitText), newScript(entryText + pathText + walkText)
	listScript, lookScript   = newScript(entryText + pageText + listText), newScript(entryText + pathText + lookText)
	listPathScript           = newScript(entryText + pathText + pageText + listPathText)
	dataScript               = newScript(dataText)
)

// probe finds out whether the server runs scripts such as ours, and loads them.
func (e *Engine) probe(ctx context.Context, c *redis.Client) error {
	v, err := c.Eval(ctx, probeText, []string{e.prefix + settingName}, e.prefix+settingName, e.prefix+"i1").Int()
	if err != nil {
		if answered, ok := err.(redis.Error); ok && isRefused(answered.Error()) { //nolint:errorlint // the library does not wrap it
			e.plain = true
			return nil
		}
		return fmt.Errorf("try a script: %w", err)
	}
	e.ordered = v == 1
	for _, s := range []*script{commitScript, walkScript, listScript, lookScript, listPathScript, dataScript} {
		// A server that does not let scripts be loaded gets their text when it says that it has not got them.
		if err := c.ScriptLoad(ctx, s.text).Err(); err != nil && judge(err) != final {
			return err
		}
	}
	return nil
}

// head returns how the call of a script starts.
func (s *script) head(e *Engine, whole bool) []any {
	route := e.prefix + settingName
	if whole {
		return []any{"EVAL", s.text, "1", route}
	}
	return []any{"EVALSHA", s.hash, "1", route}
}

// command returns the call of a script whose arguments are to be added.
func (s *script) command(e *Engine) command {
	a := e.args()
	a.str(s.hash)
	a.str("1")
	a.name(settingName)
	return command{"EVALSHA", a}
}

// read calls a script that only reads.
func (s *script) read(ctx context.Context, e *Engine, c *redis.Client, a *args) (reply, error) {
	r, err := e.raw(ctx, c, redis.NewRawCmd(ctx, a.values(s.head(e, false)...)...))
	if err != nil && isNoScript(err.Error()) {
		return e.raw(ctx, c, redis.NewRawCmd(ctx, a.values(s.head(e, true)...)...))
	}
	return r, err
}

// write calls a script that writes. The answer is parsed by the library, which then knows of errors that end a connection.
func (s *script) write(ctx context.Context, e *Engine, c *redis.Client, values func(head ...any) []any) (any, error) {
	v, err := c.Do(ctx, values(s.head(e, false)...)...).Result()
	if err != nil && isNoScript(err.Error()) { // it did nothing
		return c.Do(ctx, values(s.head(e, true)...)...).Result()
	}
	return v, err
}
