package s3

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/redis/go-redis/v9"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// record is an event as targets get it.
type record struct {
	EventName string
	S3        struct {
		Bucket struct{ Name string }
		Object struct {
			Key  string
			Size int64
			ETag string
		}
	}
}

// inbox collects what a webhook is told.
type inbox struct {
	mu  sync.Mutex
	got []string
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct{ Records []record }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return // a probe of the target
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, e := range body.Records {
		key, _ := url.QueryUnescape(e.S3.Object.Key) // a wrong one is not found below
		i.got = append(i.got, fmt.Sprintf("%s %s/%s %d", e.EventName, e.S3.Bucket.Name, key, e.S3.Object.Size))
	}
}

// TestEvents: what webhooks are sent, with the event that the original does not send: removal by DeleteObjects.
func TestEvents(t *testing.T) {
	t.Parallel()
	in := &inbox{}
	hook := httptest.NewServer(in)
	defer hook.Close()
	p := oracle.Ours(t)
	g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: everything,
		Env: []string{"MINIO_NOTIFY_WEBHOOK_ENABLE_1=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_1=" + hook.URL}})
	c := use(t, g)
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	mc.Must(t, "event", "add", "jfs/"+c.bucket, "arn:minio:sqs::1:webhook", "--event", "put,delete,get")
	c.put("a b", []byte("xyz"), minio.PutObjectOptions{})
	c.get("a b")
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/copy", nil, "X-Amz-Copy-Source", c.bucket+"/a%20b")
	id := c.begin("big", minio.PutObjectOptions{})
	must(t, c.complete("big", id, c.part("big", id, 1, []byte("part"))))
	must(t, c.RemoveObject(t.Context(), c.bucket, "a b", minio.RemoveObjectOptions{}))
	must(t, c.RemoveObject(t.Context(), c.bucket, "never/there", minio.RemoveObjectOptions{}))
	c.deleteMany(false, "copy", "big")
	want := []string{
		"s3:ObjectCreated:Put " + c.bucket + "/a b 3", "s3:ObjectAccessed:Get " + c.bucket + "/a b 3", "s3:ObjectCreated:Copy " + c.bucket + "/copy 3",
		"s3:ObjectCreated:CompleteMultipartUpload " + c.bucket + "/big 4", "s3:ObjectRemoved:Delete " + c.bucket + "/a b 0",
		"s3:ObjectRemoved:Delete " + c.bucket + "/copy 0", "s3:ObjectRemoved:Delete " + c.bucket + "/big 0",
	}
	oracle.Poll(t, 20*time.Second, func() error {
		in.mu.Lock()
		defer in.mu.Unlock()
		for _, w := range want {
			if !slices.Contains(in.got, w) {
				return fmt.Errorf("no event %q in %q", w, in.got)
			}
		}
		if len(in.got) != len(want) {
			return fmt.Errorf("got %q", in.got)
		}
		return nil
	})
}

// TestEventsInRedis: targets that are set with mc are there after a restart. One has a row for each object that there is, the
// other a list of all that happened.
func TestEventsInRedis(t *testing.T) {
	t.Parallel()
	db := redistest.Start(t)
	p := oracle.Ours(t)
	v := oracle.Format(t, p, oracle.FormatOptions{})
	g := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	mc.Must(t, "admin", "config", "set", "jfs", "notify_redis:rows", "address="+db.Addr, "format=namespace", "key=rows")
	mc.Must(t, "admin", "config", "set", "jfs", "notify_redis:log", "address="+db.Addr, "format=access", "key=log")
	g.Stop(t)

	g = oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
	c := use(t, g)
	mc = oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	for _, target := range []string{"rows", "log"} {
		mc.Must(t, "event", "add", "jfs/"+c.bucket, "arn:minio:sqs::"+target+":redis", "--event", "put,delete")
	}
	for _, key := range []string{"a", "d/b c"} {
		c.put(key, []byte("xyz"), minio.PutObjectOptions{})
	}
	must(t, c.RemoveObject(t.Context(), c.bucket, "a", minio.RemoveObjectOptions{}))

	r := redis.NewClient(&redis.Options{Addr: db.Addr})
	defer func() { must(t, r.Close()) }()
	left := c.bucket + "/d/b c"
	oracle.Poll(t, 20*time.Second, func() error {
		rows, err := r.HGetAll(t.Context(), "rows").Result()
		if err != nil {
			return err
		}
		events, err := r.LRange(t.Context(), "log", 0, -1).Result()
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[left] == "" || len(events) != 3 {
			return fmt.Errorf("rows %q, events %q", rows, events)
		}
		var told struct{ Records []record }
		if err := json.Unmarshal([]byte(rows[left]), &told); err != nil {
			return err
		}
		if len(told.Records) != 1 || told.Records[0].EventName != "s3:ObjectCreated:Put" || told.Records[0].S3.Object.Size != 3 {
			return fmt.Errorf("event %+v", told)
		}
		return nil
	})
}

// TestListeningEndsWithTheGateway: a stream of events has no end of its own and must not keep the gateway from ending.
func TestListeningEndsWithTheGateway(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URL()+"/"+c.bucket+"?events=s3:ObjectCreated:*", nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(sign(req))
	must(t, err)
	defer func() { _ = resp.Body.Close() }() // cut off
	lines := bufio.NewScanner(resp.Body)
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	heard := false
	for !heard && lines.Scan() {
		heard = strings.Contains(lines.Text(), `"key":"k"`)
	}
	c.same("heard", heard, true)
	begin := time.Now()
	c.same("exit code", g.Signal(t, syscall.SIGTERM), 0)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
}

// TestTemporaryKeys: temporary credentials may do what the user who got them may.
func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	mc.Must(t, "admin", "user", "add", "jfs", "user1", "password1")
	mc.Must(t, "admin", "policy", "set", "jfs", "readonly", "user=user1")
	sts, err := credentials.NewSTSAssumeRole(g.URL(), credentials.STSAssumeRoleOptions{AccessKey: "user1", SecretKey: "password1", DurationSeconds: 3600})
	must(t, err)
	v, err := sts.Get()
	must(t, err)
	user := g.CoreAs(t, v.AccessKeyID, v.SecretAccessKey, v.SessionToken)
	_, err = user.StatObject(t.Context(), c.bucket, "k", minio.StatObjectOptions{})
	must(t, err)
	_, err = user.PutObject(t.Context(), c.bucket, "new", strings.NewReader("x"), 1, "", "", minio.PutObjectOptions{})
	wants(t, err, http.StatusForbidden, "AccessDenied")
	root, err := credentials.NewSTSAssumeRole(g.URL(), credentials.STSAssumeRoleOptions{AccessKey: oracle.User, SecretKey: oracle.Password})
	must(t, err)
	if _, err = root.Get(); err == nil {
		t.Error("the root user has got temporary keys")
	}
}
