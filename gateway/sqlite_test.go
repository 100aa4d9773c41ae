package gateway

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	minio "github.com/minio/minio/cmd"

	"juicefs/meta/engine"
	"juicefs/meta/sqldb"
	objmem "juicefs/pkg/object/mem"
)

// TestPutIsOneTransactionOfSQLite: the log of the database holds one transaction for every new key. What goes on beside requests
// has some of its own, and may have as many as half of that.
func TestPutIsOneTransactionOfSQLite(t *testing.T) {
	t.Parallel()
	const puts = 32
	path := filepath.Join(t.TempDir(), "meta.db")
	eng, err := sqldb.Open(t.Context(), "sqlite3://"+path, engine.Options{Create: true})
	must(t, err)
	l := newWorldIn(t, eng, objmem.New()).layer(t, allKept())
	must(t, l.MakeBucketWithLocation(outsideCtx(t), "buck", minio.BucketOptions{}))
	before := committed(t, path+"-wal")
	for n := range puts {
		put(t, l, "buck", fmt.Sprintf("dir-%d/key", n), noise(n), "X-Amz-Meta-K", "v", headerTags, "a=b")
	}
	if n := committed(t, path+"-wal") - before; n < puts || n > puts+puts/2 {
		t.Errorf("%d transactions for %d new keys", n, puts)
	}
}

// committed counts the transactions in a log of SQLite since it was begun. Format: a header of 32 bytes with the size of pages and
// a salt, then frames of 24 bytes and a page. The last frame of a transaction has the number of pages of the database, and frames
// from before the log began anew have another salt. sqlite.org/fileformat2.html, section 4.1.
func committed(t *testing.T, path string) int {
	t.Helper()
	const head, frame = 32, 24
	b, err := os.ReadFile(path)
	must(t, err)
	if len(b) < head {
		t.Fatalf("a log of %d bytes", len(b))
	}
	be := binary.BigEndian
	page, salt := int(be.Uint32(b[8:])), be.Uint64(b[16:])
	n := 0
	for b = b[head:]; len(b) >= frame+page && be.Uint64(b[8:]) == salt; b = b[frame+page:] {
		if be.Uint32(b[4:]) > 0 {
			n++
		}
	}
	return n
}
