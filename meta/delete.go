package meta

import (
	"context"
	"sync"
	"time"

	"juicefs/meta/record"
)

// deleter removes the data of deleted files in the background, many files at a time. A record in the database names each, so
// what is left when the process ends is found by any client later.
type deleter struct {
	fs     *FS
	gather time.Duration // how long a file that is due waits for others

	mu      sync.Mutex
	waiting []goneFile               // by due time
	pending map[record.Ino]time.Time // in waiting or under way → due
	busy    map[record.Ino]bool      // data is being removed
	ended   []record.Ino             // sustained inodes that were closed
	signal  chan struct{}
}

// How much is removed at once: what a database does in a millisecond or two, so that requests beside it wait no longer.
const (
	deleteBatch  = 100 // files
	deleteChunks = 200 // their chunks, by their lengths; a file of more is removed chunk by chunk
)

// The removal of data stays behind requests: after each batch it rests for some times as long as that took, so that it has a
// small part of the processors at most. A store that is far away makes batches long without using any, hence the bound; and
// when very many files wait there is no rest.
const (
	restFactor  = 4
	restMost    = 50 * time.Millisecond
	restBacklog = 10000 // files
)

type goneFile struct {
	ino    record.Ino
	length uint64
	due    time.Time
}

func (d *deleter) init(fs *FS) {
	d.fs, d.gather = fs, min(fs.o.DeleteDelay/5, time.Second)
	d.pending, d.busy = map[record.Ino]time.Time{}, map[record.Ino]bool{}
	d.signal = make(chan struct{}, 1)
}

// add queues a file whose deleted-file record was written.
func (d *deleter) add(ino record.Ino, length uint64) {
	now := d.fs.o.Now()
	d.mu.Lock()
	if _, ok := d.pending[ino]; !ok {
		due := now.Add(d.fs.o.DeleteDelay)
		d.pending[ino] = due
		d.waiting = append(d.waiting, goneFile{ino, length, due})
	}
	wake := len(d.waiting) == 1 || len(d.waiting) > 0 && !now.Before(d.waiting[0].due.Add(d.gather))
	d.mu.Unlock()
	if wake { // else the timer is set for the first of them
		d.wake()
	}
}

// release queues a sustained inode that nobody here has open any more.
func (d *deleter) release(ino record.Ino) {
	d.mu.Lock()
	d.ended = append(d.ended, ino)
	d.mu.Unlock()
	d.wake()
}

// closed says that nobody here has an inode open any more.
func (d *deleter) closed(ino record.Ino) {
	d.mu.Lock()
	_, waits := d.pending[ino]
	d.mu.Unlock()
	if waits {
		d.wake()
	}
}

func (d *deleter) wake() {
	select {
	case d.signal <- struct{}{}:
	default:
	}
}

// started reports whether a file's data is being, or was just, removed.
func (d *deleter) started(ino record.Ino) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy[ino]
}

// run removes until ctx ends.
func (d *deleter) run(ctx context.Context) {
	slots := make(chan struct{}, max(d.fs.o.Deletes, 1))
	var running sync.WaitGroup
	defer running.Wait()
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		t.Reset(d.work(ctx, slots, &running))
		select {
		case <-ctx.Done():
			return
		case <-d.signal:
		case <-t.C:
		}
	}
}

// endAll turns closed sustained inodes into deleted files.
func (d *deleter) endAll(ctx context.Context) {
	d.mu.Lock()
	ended := d.ended
	d.ended = nil
	d.mu.Unlock()
	for _, ino := range ended {
		if err := d.fs.endSustained(ctx, d.fs.sid.Load(), ino); err != nil {
			d.fs.log.Warn("remove sustained inode; left to the end of the session", "inode", uint64(ino), "error", err)
		}
	}
}

// work removes what is due and not open, and returns when to look again. Large files have goroutines of their own, so that
// they hold nothing up.
func (d *deleter) work(ctx context.Context, slots chan struct{}, running *sync.WaitGroup) time.Duration {
	const idle = time.Minute
	for ctx.Err() == nil {
		d.endAll(ctx)
		if d.fs.o.Deletes < 0 || d.fs.o.DeleteSlice == nil {
			break
		}
		files, left, wait := d.pick()
		if len(files) == 0 {
			return min(wait, idle)
		}
		if len(files) == 1 && chunkCount(files[0].length) > deleteChunks {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return idle
			}
			running.Go(func() {
				d.remove(ctx, files)
				<-slots
			})
			continue
		}
		begin := time.Now()
		d.remove(ctx, files)
		if left < restBacklog {
			rest(ctx, min(restFactor*time.Since(begin), restMost))
		}
	}
	return idle
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// remove removes the data of files that pick returned.
func (d *deleter) remove(ctx context.Context, files []goneFile) {
	if err := d.fs.deleteFiles(ctx, files); err != nil && ctx.Err() == nil {
		d.fs.log.Warn("remove data of deleted files; it will be tried again", "inode", uint64(files[0].ino), "files", len(files), "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range files {
		delete(d.pending, f.ino)
		delete(d.busy, f.ino)
	}
}

// pick takes the first files that are due and not open, once there are enough of them or the first has waited for long enough.
// left is how many more wait; without any, wait is how long to. Lock order: open files, then the deleter.
func (d *deleter) pick() (files []goneFile, left int, wait time.Duration) {
	d.fs.open.mu.Lock()
	defer d.fs.open.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.fs.o.Now()
	if len(d.waiting) == 0 {
		return nil, 0, time.Hour
	}
	if enough := len(d.waiting) >= deleteBatch && !now.Before(d.waiting[deleteBatch-1].due); !enough {
		if wait = d.waiting[0].due.Add(d.gather).Sub(now); wait > 0 {
			return nil, 0, wait
		}
	}
	wait = time.Hour
	chunks, passed := uint32(0), 0
	var open []goneFile
	for _, f := range d.waiting {
		if ahead := f.due.Sub(now); ahead > 0 {
			wait = ahead + d.gather
			break
		}
		n := max(chunkCount(f.length), 1)
		if len(files) == deleteBatch || len(files) > 0 && chunks+n > deleteChunks {
			break
		}
		passed++
		if d.fs.open.files[f.ino] != nil {
			open = append(open, f)
			continue
		}
		chunks += n
		files = append(files, f)
		d.busy[f.ino] = true
	}
	d.waiting = d.waiting[passed-len(open):] // nearly always without a copy: very many may wait
	copy(d.waiting, open)
	return files, len(d.waiting), wait
}
