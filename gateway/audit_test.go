package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"juicefs/vfs"
)

// plant makes a file as somebody with a mount, or another gateway, would.
func plant(t *testing.T, v *vfs.Volume, path string, mode uint16) {
	t.Helper()
	w := v.CreateObject(t.Context(), vfs.CreateOptions{})
	_, err := w.Write([]byte("{}"))
	must(t, err)
	_, err = w.Commit(t.Context(), vfs.Commit{Path: path, Mode: mode, Parents: true})
	must(t, err)
}

func TestSettingsOfAnOlderGatewayAreClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := []string{"config.json", "iam/format.json", "iam/users/alice/identity.json", "iam/policydb/users/alice.json", "history/1.kv"}
	for _, name := range files {
		plant(t, w.v, "/.minio.sys/config/"+name, 0o644)
	}
	plant(t, w.v, "/.minio.sys/buckets/buck/.metadata.bin", 0o644)
	l := w.layer(t, allKept())
	mode := func(path string) uint16 {
		i, err := w.v.Stat(t.Context(), path)
		must(t, err)
		return i.Mode
	}
	for end := time.Now().Add(time.Minute); mode("/.minio.sys/config/iam/users/alice/identity.json") != 0o600; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the start has not closed the settings")
		}
	}
	_, err := l.audit(t.Context()) // what the other has not got to yet
	must(t, err)
	for _, name := range files {
		same(t, name, fmt.Sprintf("%o", mode("/.minio.sys/config/"+name)), "600")
	}
	same(t, "the directory", fmt.Sprintf("%o", mode("/.minio.sys/config")), "700")
	same(t, "settings of a bucket", fmt.Sprintf("%o", mode("/.minio.sys/buckets/buck/.metadata.bin")), "644")
	a, err := l.audit(t.Context())
	must(t, err)
	same(t, "the second time", fmt.Sprint(a), "{0 [] 0}")
}

func TestAuditNamesWhatIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknown := []string{
		"iam/evil", "iam/users/x/policy.json", "iam/users/y.json", "iam/users/x/identity.json.bak", "iam/policydb/users/x",
		"iam/policydb/others", "iam/groups/g/identity.json", "iam/users/boss",
	}
	for _, name := range []string{
		"iam/format.json", "iam/users/x/identity.json", "iam/sts/AKIA/identity.json", "iam/service-accounts/s/identity.json",
		"iam/groups/g/members.json", "iam/policies/p/policy.json", "iam/policydb/users/x.json", "iam/policydb/groups/g.json",
		"iam/policydb/sts-users/x.json", "config.json", "other/folder/file",
		"iam/evil/x", "iam/users/x/policy.json", "iam/users/y.json", "iam/users/x/identity.json.bak", "iam/policydb/users/x/y.json",
		"iam/policydb/others/x.json", "iam/groups/g/identity.json", "iam/users/boss/identity.json",
	} {
		plant(t, w.v, "/.minio.sys/config/"+name, 0o600)
	}
	o := allKept()
	o.RootUser = "boss"
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	New(w.v, o).auditOnce(t.Context())
	for _, name := range unknown {
		if !strings.Contains(log.String(), "path=/.minio.sys/config/"+name+"\n") {
			t.Errorf("nothing is said of %s", name)
		}
	}
	if n := strings.Count(log.String(), "unknown name among"); n != len(unknown) {
		t.Errorf("%d names: %s", n, &log)
	}
}

func TestAuditTellsSoMuchAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for k := range maxUnknown + 3 {
		plant(t, w.v, fmt.Sprintf("/.minio.sys/config/iam/evil%d", k), 0o600)
	}
	a, err := New(w.v, allKept()).audit(t.Context())
	must(t, err)
	same(t, "told one by one", len(a.Unknown), maxUnknown)
	same(t, "others", a.More, 3)
}
