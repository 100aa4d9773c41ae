package redisdb

import (
	"bytes"
	"strings"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// FuzzReply reads answers of servers: whatever comes, nothing is read that is not there.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"$3\r\nabc\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n:5\r\n", "*-1\r\n", ":12\r\n", "+OK\r\n", "-ERR no\r\n", "_\r\n", "$5\r\nab\r\n", "*1000000\r\n", "$\r\n", "\n",
		"*3\r\n$1\r\na\r\n$9\r\n\x02\x00\x00\x00\x00\x00\x00\x00\x05\r\n$-1\r\n", "*9000000000000000000\r\n$1\r\na\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, b []byte) { ParseReply(b) })
}

// FuzzURL reads addresses of volumes: a word in place of the password is in no error.
func FuzzURL(f *testing.F) {
	schemes := []string{"redis", "rediss", "unix"}
	f.Add(byte(0), "u", "@h:1/2?read-timeout=3s")
	f.Add(byte(0), "", "?x@boss,a,b/2")
	f.Add(byte(1), "", "@a:1,b/%zz?tls-server-name")
	f.Add(byte(2), "u", "@/run/redis.sock?db=2")
	f.Fuzz(func(t *testing.T, scheme byte, user, after string) {
		const word = "Open-Sesame"
		if strings.ContainsAny(user, "@/") || !strings.Contains(after, "@") {
			return // the word is no password
		}
		if _, err := parseURL(schemes[int(scheme)%len(schemes)] + "://" + user + ":" + word + after); err != nil && strings.Contains(err.Error(), word) {
			t.Errorf("%s:****%s: %v", user, after, err)
		}
	})
}

// FuzzConflict reads what a conflict says of a path, however little that looks like one.
func FuzzConflict(f *testing.F) {
	entry := string(record.Dirent{Type: record.TypeDirectory, Ino: 2}.Encode())
	f.Add([]byte("sss"), entry, "attribute", true)
	f.Add([]byte("snsaa"), entry, "", false)
	f.Add([]byte("sasi"), "", "x", true)
	f.Fuzz(func(t *testing.T, kinds []byte, one, two string, all bool) {
		var met []any
		texts := []string{one, two}
		for i, k := range kinds {
			switch k {
			case 'n':
				met = append(met, nil)
			case 'i':
				met = append(met, int64(i))
			case 'a':
				met = append(met, []any{one, two, nil})
			default:
				met = append(met, texts[i%2])
			}
		}
		p := &plan{otherwise: &engine.WalkQuery{From: 1, Names: []string{"a", "b"}, Xattrs: all}}
		if w, err := p.walked([]any{int64(0), int64(0), nil, met}); err == nil && (w == nil || len(w.Entries) > 2 || len(w.Attrs) > len(w.Entries)) {
			t.Errorf("read %+v", w)
		}
		if w, err := p.walked([]any{int64(0), int64(0), nil, one}); w != nil || err != nil {
			t.Errorf("read %+v, %v of a text", w, err)
		}
	})
}

// FuzzKeys reads names of keys and fields: what is taken for a record is stored under the same name again.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{"i1", "d9223372032828243969", "c8_0", "x2", "s5", "setting", "session1", "sessionInfos", "lockf6", "lockp9", "p2", "i01", "c1_01", "i-1", "i+1"} {
		f.Add(s)
	}
	for _, s := range []string{"k10_10000", "19_1795440649", "25:5", "7", "a.txt", "k1_2_3", "k_1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, kind := range record.Kinds() {
			if letters(kind) != "" {
				if k, ok := parseKey(kind, name); ok {
					a := &args{}
					a.key(k)
					if got := string(a.at(0)); got != name {
						t.Errorf("%s %q is stored as %q", kind, name, got)
					}
				}
			}
			switch formOf(kind) {
			case hashForm, setForm, scoreForm, statForm, quotaForm, sessionForm:
				if k, ok := parseField(kind, 1, name); ok {
					a := &args{}
					a.field(k)
					if got := string(a.at(0)); got != name {
						t.Errorf("field %q of %s is stored as %q", name, kind, got)
					}
				}
			}
		}
		if sid, who, ok := parseOwner(name); ok {
			if s, w, ok := parseOwner(owner(sid, who)); !ok || s != sid || w != who {
				t.Errorf("owner %q is %d, %d, then %d, %d", name, sid, who, s, w)
			}
		}
	})
}

// FuzzValues reads stored values: what is accepted comes out as it was, apart from how numbers may be written.
func FuzzValues(f *testing.F) {
	f.Add([]byte("5"))
	f.Add([]byte("-4096"))
	f.Add([]byte("1e3"))
	f.Add([]byte("nan"))
	f.Add(bytes.Repeat([]byte{0xff}, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range []record.Key{record.CounterKey(record.CounterInode), record.CounterKey(record.CounterSpace), record.SliceRefKey(1, 2), record.DelFileKey(1, 2), record.XattrKey(1, "x")} {
			v, err := canonical(k, b)
			if err != nil {
				continue
			}
			a := &args{}
			if err = a.value(k, v); err != nil {
				t.Fatalf("%s: %q became %x: %v", k, b, v, err)
			}
			again, err := canonical(k, a.at(0))
			if err != nil || !bytes.Equal(again, v) {
				t.Errorf("%s: %q became %x, then %x (%v)", k, b, v, again, err)
			}
		}
		k := record.QuotaKey(record.QuotaDir, 1)
		for _, three := range [][3][]byte{{b, b, b}, {nil, b, b}, {b, nil, nil}} {
			_, _ = quotaValue(k, three) // must not panic
			_, _ = statValue(k, three)
			_, _ = lockValue(record.FlockKey(1), three[:2])
			_, _ = lockValue(record.PlockKey(1), three[:2])
		}
	})
}
