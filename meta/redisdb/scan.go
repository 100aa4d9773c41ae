package redisdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// keyStep is how many keys the server looks at in one step of a scan: about a millisecond of its time.
const keyStep = 4096

// hashesAtOnce is how many hashes, most of them small, a scan asks for at once, and how many fields of each at first: together
// what it asks of a large one.
const hashesAtOnce = 100

// errEnough ends a scan whose receiver has enough.
var errEnough = errors.New("enough")

// Scan yields all records of r, some of them perhaps twice.
func (e *Engine) Scan(ctx context.Context, r engine.Range) iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		err := e.scan(ctx, r, func(it record.Item) error {
			if it.Value == nil || !r.All && hasA(r.Kind) && it.Key.A != r.A {
				return nil
			}
			if !yield(it, nil) {
				return errEnough
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(record.Item{}, readErr(ctx, "scan of "+r.Kind.String(), err))
		}
	}
}

// hasA reports whether keys of a kind have an A.
func hasA(k record.Kind) bool { return k != record.KindSetting && k != record.KindCounter }

func (e *Engine) scan(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch r.Kind {
	case record.KindSetting:
		return e.scanNamed(ctx, []record.Key{record.SettingKey()}, each)
	case record.KindCounter:
		var keys []record.Key
		for _, c := range counters() {
			keys = append(keys, record.CounterKey(c))
		}
		return e.scanNamed(ctx, keys, each)
	case record.KindAttr, record.KindSymlink, record.KindChunk, record.KindFlock, record.KindPlock:
		return e.scanOwnKeys(ctx, r, each)
	case record.KindEntry, record.KindXattr, record.KindParent:
		return e.scanHashes(ctx, r, each)
	case record.KindSustained:
		return e.scanSets(ctx, r, each)
	case record.KindSliceRef, record.KindACL, record.KindDelSlices:
		return e.scanFields(ctx, r, each)
	case record.KindDelFile, record.KindDetached, record.KindSession:
		return e.scanScores(ctx, r, each)
	case record.KindDirStat, record.KindQuota:
		return e.scanTriples(ctx, r, each)
	case record.KindLog:
		return e.scanLog(ctx, each)
	}
	return fmt.Errorf("%s: %w", r.Kind, errUnsupported)
}

// step makes one call of a scan, again if the connection is lost: nothing else of the scan is.
func (e *Engine) step(ctx context.Context, command string, a *args) (reply, error) {
	var r reply
	err := e.again(ctx, func(c *redis.Client) (err error) {
		r, err = e.raw(ctx, c, redis.NewRawCmd(ctx, a.values(command)...))
		return err
	})
	return r, err
}

// scanKeys calls each for the names, without prefix, of all keys that match a pattern.
func (e *Engine) scanKeys(ctx context.Context, pattern string, each func(name string) error) error {
	return e.cursor(ctx, "SCAN", "0", func(a *args) {}, func(a *args) {
		a.str("MATCH")
		a.name(pattern)
		a.str("COUNT")
		a.int(keyStep)
	}, func(found [][]byte) error {
		for _, key := range found {
			if name, ok := strings.CutPrefix(string(key), e.prefix); ok {
				if err := each(name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// scanPairs calls each for what a hash or a sorted set has, from a cursor on.
func (e *Engine) scanPairs(ctx context.Context, command, from string, key func(*args), each func(field, value []byte) error) error {
	return e.cursor(ctx, command, from, key, func(a *args) {
		a.str("COUNT")
		a.int(scanStep)
	}, inPairs(each))
}

// inPairs calls each for fields and values that come one after the other.
func inPairs(each func(field, value []byte) error) func([][]byte) error {
	return func(found [][]byte) error {
		for ; len(found) > 1; found = found[2:] {
			if err := each(found[0], found[1]); err != nil {
				return err
			}
		}
		return nil
	}
}

// cursor makes the steps of a scan.
func (e *Engine) cursor(ctx context.Context, command, from string, key, options func(*args), page func([][]byte) error) error {
	at := []byte(from)
	for {
		a := e.args()
		key(a)
		a.bytes(at)
		options(a)
		r, err := e.step(ctx, command, a)
		if err != nil {
			return err
		}
		if at, err = r.scanned(page); err != nil || string(at) == "0" {
			return err
		}
	}
}

// scanned hands on what a step of a scan found and returns where the next one starts; "0": there is none.
func (r *reply) scanned(page func([][]byte) error) (next []byte, err error) {
	if n, bad := r.array(); bad != nil || n != 2 {
		return nil, errors.Join(bad, errReply)
	}
	if next, err = r.bulk(); err != nil {
		return nil, err
	}
	found, err := r.bulks()
	if err != nil {
		return nil, err
	}
	return next, page(found)
}

// scanNamed yields records whose keys are known.
func (e *Engine) scanNamed(ctx context.Context, keys []record.Key, each func(record.Item) error) error {
	for len(keys) > 0 {
		n := min(len(keys), most)
		items, err := e.get(ctx, keys[:n]...)
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := each(it); err != nil {
				return err
			}
		}
		keys = keys[n:]
	}
	return nil
}

// owners calls each for the records' keys that keys of the server hold, of one inode or of all.
func (e *Engine) owners(ctx context.Context, r engine.Range, each func([]record.Key) error) error {
	if !r.All && r.Kind != record.KindChunk {
		return each([]record.Key{{Kind: r.Kind, A: r.A}})
	}
	pattern := letters(r.Kind) + "[0-9]*"
	if !r.All {
		pattern = letters(r.Kind) + strconv.FormatUint(r.A, 10) + "_*"
	}
	var keys []record.Key
	err := e.scanKeys(ctx, pattern, func(name string) error {
		if k, ok := parseKey(r.Kind, name); ok {
			keys = append(keys, k)
		}
		if len(keys) < most {
			return nil
		}
		full := keys
		keys = nil
		return each(full)
	})
	if err != nil {
		return err
	}
	return each(keys)
}

// scanOwnKeys yields records that have keys of their own.
func (e *Engine) scanOwnKeys(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	return e.owners(ctx, r, func(keys []record.Key) error { return e.scanNamed(ctx, keys, each) })
}

// scanHashes yields records that are fields of hashes of inodes.
func (e *Engine) scanHashes(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	return e.owners(ctx, r, func(keys []record.Key) error {
		for some := range slices.Chunk(keys, hashesAtOnce) {
			if err := e.scanSome(ctx, some, each); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanSome yields the fields of a few hashes in one turnaround, and in more those of the large ones.
func (e *Engine) scanSome(ctx context.Context, owners []record.Key, each func(record.Item) error) error {
	commands := make([]command, len(owners))
	for i, owner := range owners {
		a := e.args()
		a.numbered(letters(owner.Kind), owner.A)
		a.str("0")
		a.str("COUNT")
		a.int(scanStep / hashesAtOnce)
		commands[i] = command{"HSCAN", a}
	}
	var replies []reply
	err := e.again(ctx, func(c *redis.Client) (err error) {
		replies, err = e.pipeline(ctx, c, commands)
		return err
	})
	if err != nil {
		return err
	}
	for i, owner := range owners {
		item := e.fieldItem(owner.Kind, owner.A, each)
		next, err := replies[i].scanned(inPairs(item))
		if err == nil && string(next) != "0" {
			err = e.scanPairs(ctx, "HSCAN", string(next), func(a *args) { a.numbered(letters(owner.Kind), owner.A) }, item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldItem makes records of fields.
func (e *Engine) fieldItem(kind record.Kind, a uint64, each func(record.Item) error) func(field, value []byte) error {
	return func(field, value []byte) error {
		k, ok := parseField(kind, a, string(field))
		if !ok {
			return nil // a leftover of an old version
		}
		v, err := canonical(k, value)
		if err != nil {
			return err
		}
		return each(record.Item{Key: k, Value: v})
	}
}

// scanSets yields sustained inodes.
func (e *Engine) scanSets(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	return e.owners(ctx, r, func(keys []record.Key) error {
		for _, owner := range keys {
			items, err := e.setItems(ctx, owner.A)
			if err != nil {
				return err
			}
			for _, it := range items {
				if err := each(it); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// scanFields yields the fields of a hash that the volume has one of.
func (e *Engine) scanFields(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	key := func(a *args) { a.key(record.Key{Kind: r.Kind}) }
	return e.scanPairs(ctx, "HSCAN", "0", key, e.fieldItem(r.Kind, 0, each))
}

// scanScores yields the members of a sorted set; of sessions with their descriptions.
func (e *Engine) scanScores(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	key := func(a *args) { a.key(record.Key{Kind: r.Kind}) }
	if r.Kind != record.KindSession {
		return e.scanPairs(ctx, "ZSCAN", "0", key, e.fieldItem(r.Kind, 0, each))
	}
	var keys []record.Key
	err := e.scanPairs(ctx, "ZSCAN", "0", func(a *args) { a.name(expiryName) }, func(member, _ []byte) error {
		if sid, ok := parseUint(string(member)); ok {
			keys = append(keys, record.SessionKey(sid))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.scanNamed(ctx, keys, each)
}

// scanTriples yields records of three hashes.
func (e *Engine) scanTriples(ctx context.Context, r engine.Range, each func(record.Item) error) error {
	keys := map[record.Key]bool{}
	names := []string{statNames()[1]}
	types := []record.QuotaType{0}
	if r.Kind == record.KindQuota {
		types = []record.QuotaType{record.QuotaDir, record.QuotaUser, record.QuotaGroup}
	}
	for _, t := range types {
		if r.Kind == record.KindQuota {
			names = []string{quotaNames(t)[0], quotaNames(t)[2]}
		}
		for _, name := range names {
			err := e.scanPairs(ctx, "HSCAN", "0", func(a *args) { a.name(name) }, func(field, _ []byte) error {
				if k, ok := parseField(r.Kind, uint64(t), string(field)); ok {
					keys[k] = true
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	list := make([]record.Key, 0, len(keys))
	for k := range keys {
		list = append(list, k)
	}
	return e.scanNamed(ctx, list, each)
}

// scanLog yields the lines of the change log, whose numbers follow from that of the last.
func (e *Engine) scanLog(ctx context.Context, each func(record.Item) error) error {
	last, err := e.Incr(ctx, lastLogName, 0)
	if err != nil {
		return err
	}
	a := e.args()
	a.name(logName)
	a.str("0")
	a.str("-1")
	r, err := e.step(ctx, "LRANGE", a)
	if err != nil {
		return err
	}
	lines, err := r.bulks()
	if err != nil {
		return err
	}
	first := last - int64(len(lines)) + 1
	for i, line := range lines {
		if err := each(record.Item{Key: record.Key{Kind: record.KindLog, A: uint64(first + int64(i))}, Value: line}); err != nil {
			return err
		}
	}
	return nil
}
