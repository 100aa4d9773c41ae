package redisdb

import (
	"context"
	"fmt"
)

// commitWatched is the form for servers that refuse scripts.
func (e *Engine) commitWatched(context.Context, *plan) error {
	return fmt.Errorf("commit without scripts: %w", errUnsupported)
}
