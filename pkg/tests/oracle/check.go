package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Fsck is what the real client's fsck found.
type Fsck struct {
	*Result
	Blocks   int64    // found in the object store, or looked up there
	Slices   int64    // that files use
	Findings []string // warnings and errors, without the harmless ones
}

// GC is what the real client's gc counted, in objects of the store.
type GC struct {
	*Result
	Scanned, Valid   int64
	Pending          int64 // blocks of files and slices that wait for their deletion
	Compacted        int64 // blocks of slices replaced by compaction, kept as long as the trash
	Leaked           int64 // blocks that nothing refers to
	Skipped          int64 // too young to be judged
	DelSlices, DelFs int64
	Findings         []string
}

// Status is the answer of the real client's status command, without what tests have no use for.
type Status struct {
	Setting struct {
		Name, UUID, Storage, Bucket string
		BlockSize                   int64 // KiB
		TrashDays                   int
	}
	Sessions []struct {
		Sid        uint64
		Expire     time.Time
		Version    string
		HostName   string
		MountPoint string
		ProcessID  int
	}
	Stat struct {
		UsedSpace, AvailableSpace, UsedInodes, AvailableInodes uint64

		TrashFileCount, TrashFileSize                   uint64
		PendingDeletedFileCount, PendingDeletedFileSize uint64
		TrashSliceCount, TrashSliceSize                 uint64
		PendingDeletedSliceCount                        uint64
	}
}

// harmless are warnings that the real client prints on sound volumes.
var harmless = regexp.MustCompile(`Set storage tier: not supported` + // on every start, with a local folder
	`|The latency to database is too high` + // on a busy machine
	`|AOF is not enabled, you may lose data` + // the servers of tests need not keep anything
	`|The entry of the inode was not found. inode: 9223372032828243968`) // the root of an empty trash, by dump

// findings returns the lines of a log that warn of something.
func findings(log string) []string {
	var found []string
	for line := range strings.Lines(log) {
		for _, level := range []string{"<WARNING>", "<ERROR>", "<FATAL>", "panic:"} {
			if strings.Contains(line, level) && !harmless.MatchString(line) {
				found = append(found, strings.TrimSpace(line))
				break
			}
		}
	}
	return found
}

var (
	foundBlocks = regexp.MustCompile(`Found (\d+) blocks`)
	usedSlices  = regexp.MustCompile(`Used by (\d+) slices`)
	gcCounts    = regexp.MustCompile(`scanned (\d+) objects, (\d+) valid, (\d+) pending delete \(\d+ bytes\), (\d+) compacted \(\d+ bytes\), ` +
		`(\d+) leaked \(\d+ bytes\), (\d+) delslices \(\d+ bytes\), (\d+) delfiles \(\d+ bytes\), (\d+) skipped`)
)

// Fsck runs the real client's fsck with further options.
func (v *Volume) Fsck(t testing.TB, flags ...string) *Fsck {
	t.Helper()
	r := Real(t).Run(t, nil, append([]string{"--no-agent", "fsck", v.Meta}, flags...)...)
	f := &Fsck{Result: r, Findings: findings(r.Stderr)}
	if r.Code == 0 {
		f.Blocks = numbers(t, foundBlocks, r)[0]
		f.Slices = numbers(t, usedSlices, r)[0]
	}
	return f
}

// GC runs the real client's gc with further options. It judges blocks of any age: by itself gc skips those of the last hour.
func (v *Volume) GC(t testing.TB, flags ...string) *GC {
	t.Helper()
	r := Real(t).Run(t, []string{"JFS_GC_SKIPPEDTIME=0"}, append([]string{"--no-agent", "gc", v.Meta}, flags...)...)
	g := &GC{Result: r, Findings: findings(r.Stderr)}
	if r.Code == 0 {
		n := numbers(t, gcCounts, r)
		g.Scanned, g.Valid, g.Pending, g.Compacted = n[0], n[1], n[2], n[3]
		g.Leaked, g.DelSlices, g.DelFs, g.Skipped = n[4], n[5], n[6], n[7]
	}
	return g
}

// Status runs the real client's status command, with the counts of trash and pending deletions.
func (v *Volume) Status(t testing.TB) *Status {
	t.Helper()
	return v.StatusBy(t, Real(t))
}

// StatusBy is Status as p tells it.
func (v *Volume) StatusBy(t testing.TB, p Program) *Status {
	t.Helper()
	r := p.Must(t, nil, "--no-agent", "status", v.Meta, "--more")
	var s Status
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		t.Fatalf("%s: %s: %v", p.Name, r, err)
	}
	return &s
}

// numbers returns the numbers that re picks out of a command's log.
func numbers(t testing.TB, re *regexp.Regexp, r *Result) []int64 {
	t.Helper()
	m := re.FindStringSubmatch(r.Stderr)
	if m == nil {
		t.Fatalf("no %q in what it printed: %s", re, r)
	}
	n := make([]int64, len(m)-1)
	for i, s := range m[1:] {
		var err error
		if n[i], err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// drift matches what fsck says of directory statistics that differ from their directory. It changes nothing for anybody but du.
var drift = regexp.MustCompile(`usage stat of .* (should be|is missing)|Stat of path .* should be synced`)

// Judge has the real client check a volume that no gateway serves any more: no session left, fsck in both forms and gc find
// nothing wrong, nothing leaked and nothing waiting, the totals are those of the tree, and the blocks in the folder are those that
// the dump names, no more and no fewer. It reports everything that it finds. That includes data of removed objects which the gateways
// had no time to delete: call Settle before they are stopped.
//
// Gateways of the original change directory statistics some time after the directories, and leave them wrong now and then. Where one
// has served the volume, they are repaired first.
func Judge(t testing.TB, v *Volume) {
	t.Helper()
	if s := v.Status(t).Sessions; len(s) > 0 {
		t.Errorf("%d sessions are left, want none: %+v", len(s), s)
	}
	d := v.Dump(t)
	if len(d.Sustained) > 0 || len(d.DelFiles) > 0 {
		t.Errorf("the dump has sustained inodes %v and deleted files %v, want none", d.Sustained, d.DelFiles)
	}
	for _, problem := range append(v.compare(t, d), d.totals()...) {
		t.Error(problem)
	}
	tree := []string{"--path", "/", "--recursive", "--sync-dir-stat"}
	if v.original.Load() {
		f := v.Fsck(t, append(tree, "--repair")...)
		for _, line := range f.Findings {
			if !drift.MatchString(line) {
				t.Errorf("fsck, while repairing directory statistics, is not content: %s", f)
				break
			}
		}
	}
	for _, flags := range [][]string{nil, tree} {
		if f := v.Fsck(t, flags...); f.Code != 0 || len(f.Findings) > 0 {
			t.Errorf("fsck is not content: %s", f)
		}
	}
	g := v.GC(t)
	if g.Code != 0 || len(g.Findings) > 0 || g.Leaked != 0 || g.Pending != 0 || g.Skipped != 0 || g.Scanned != g.Valid+g.Compacted {
		t.Errorf("gc is not content: %s", g)
	}
}

// Settle waits until the folder holds the blocks that the volume's files and trash refer to, no more and no fewer: data of
// deleted files goes in the background. It is for running gateways, and fails the test when the time is up.
func (v *Volume) Settle(t testing.TB, within time.Duration) {
	t.Helper()
	Poll(t, within, func() error {
		d := v.Dump(t)
		if len(d.Sustained) > 0 || len(d.DelFiles) > 0 {
			return fmt.Errorf("sustained inodes %v, deleted files %v", d.Sustained, d.DelFiles)
		}
		if problems := v.compare(t, d); len(problems) > 0 {
			return fmt.Errorf("%s", strings.Join(problems, "; "))
		}
		return nil
	})
}

// compare says which blocks of the folder nothing in the dump refers to, and which are missing or of a wrong size.
func (v *Volume) compare(t testing.TB, d *Dump) []string {
	t.Helper()
	want, have := d.Blocks(), v.Blocks(t)
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if size, ok := have[name]; !ok {
			problems = append(problems, fmt.Sprintf("block %s is missing", name))
		} else if size != want[name] && !d.compressed() {
			problems = append(problems, fmt.Sprintf("block %s has %d bytes", name, size))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			problems = append(problems, fmt.Sprintf("nothing refers to block %s", name))
		}
	}
	return problems
}

// Poll calls done until it returns nil, and fails the test with its last error when the time is up. It rests several times as long
// as a call took: what runs a program again and again would keep the processor from what is waited for.
func Poll(t testing.TB, within time.Duration, done func() error) {
	t.Helper()
	const share, least, most = 5, 50 * time.Millisecond, 2 * time.Second
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	rest := time.NewTimer(most)
	defer rest.Stop()
	for {
		began := time.Now()
		err := done()
		if err == nil {
			return
		}
		rest.Reset(min(max(share*time.Since(began), least), most))
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %v", within, err)
		case <-rest.C:
		}
	}
}
