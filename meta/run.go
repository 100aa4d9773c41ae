package meta

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"juicefs/meta/engine"
)

// patience is how long an operation goes on trying against conflicts and a busy database before it gives up.
const patience = 30 * time.Second

// view runs a plan that only reads. What it reads is of one moment where the engine can do that.
func (fs *FS) view(ctx context.Context, op string, plan func(*Tx) error) error {
	return fs.run(ctx, op, func() error {
		tx := fs.begin(ctx, engine.View)
		defer tx.etx.Discard()
		return plan(tx)
	})
}

// update runs a plan in a transaction, again if what it read changed meanwhile. Plans must not call update: work that
// needs a transaction of its own is returned as a *needs error, done between two attempts.
func (fs *FS) update(ctx context.Context, op string, plan func(*Tx) error) error {
	return fs.change(ctx, op, func() (*Tx, error) {
		tx := fs.begin(ctx, engine.Update)
		return tx, fs.attempt(ctx, tx, plan)
	})
}

// change repeats an attempt at a transaction until one is committed, and does what follows that.
func (fs *FS) change(ctx context.Context, op string, attempt func() (*Tx, error)) error {
	if fs.o.ReadOnly {
		return eRofs
	}
	var done *Tx
	err := fs.run(ctx, op, func() (err error) {
		done, err = attempt()
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range done.after {
		f()
	}
	fs.hot.add(done.totals)
	if len(done.adds) > 0 {
		fs.noteStats(done)
	}
	fs.routes.note(done)
	return nil
}

// attempt runs a plan in a transaction and commits that.
func (fs *FS) attempt(ctx context.Context, tx *Tx, plan func(*Tx) error) error {
	if err := plan(tx); err != nil {
		tx.etx.Discard()
		return err
	}
	err := tx.commit()
	if errors.Is(err, engine.ErrUnknown) {
		err = fs.settle(ctx, tx, err)
	}
	if err != nil && tx.hour && transient(err) && !tx.remembers() {
		fs.setHour(hourDir{})
	}
	return err
}

// run repeats an attempt until it succeeds, fails for good, or patience ends.
func (fs *FS) run(ctx context.Context, op string, attempt func() error) error {
	start := time.Now()
	restarts := 0
	defer func() { fs.metrics.observe(op, time.Since(start), restarts) }()
	for {
		err := attempt()
		var need *needs
		switch {
		case err == nil:
			return nil
		case errors.As(err, &need):
			if err = need.do(fs); err != nil {
				return err
			}
			continue
		case !transient(err) || ctx.Err() != nil:
			return err
		case time.Since(start) > patience:
			return fmt.Errorf("%s: given up after %d tries: %w: %w", op, restarts+1, engine.ErrBusy, err)
		}
		restarts++
		if err := pause(ctx, restarts); err != nil {
			return err
		}
	}
}

// transient reports whether nothing was written and another attempt may succeed.
func transient(err error) bool {
	var c *engine.Conflict
	return errors.As(err, &c) || errors.Is(err, engine.ErrBusy)
}

// pause waits before another attempt: at first not at all, then a random time that grows to 50 ms.
func pause(ctx context.Context, restarts int) error {
	if restarts <= 1 {
		return ctx.Err()
	}
	most := min(time.Duration(restarts*restarts)*500*time.Microsecond, 50*time.Millisecond)
	t := time.NewTimer(rand.N(most))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// settle finds out whether a commit took effect whose answer was lost. Only a record that this transaction alone could
// have written proves it; its absence proves nothing, since another client may have removed it again.
func (fs *FS) settle(ctx context.Context, tx *Tx, lost error) error {
	if !tx.proof.Kind.Valid() {
		return lost
	}
	found := false
	err := fs.run(ctx, "settle", func() error {
		look := fs.begin(ctx, engine.View)
		defer look.etx.Discard()
		b, err := look.Get(tx.proof, engine.Loose)
		found = b != nil
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("%w (and looking failed: %w)", lost, err)
	case !found:
		return lost
	}
	return nil
}
