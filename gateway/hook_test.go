package gateway

import (
	"net/http"
	"os"
	"strings"
	"testing"

	minio "github.com/minio/minio/cmd"
)

// forkVersion is the version of the fork whose private names hook.go was made for. Before it is changed here, look at the
// new version's cmd/routers.go: globalHandlers must still be what configureServerHandler gives to the router. And at
// cmd/globals.go and cmd/server-main.go: globalBucketMetadataSys and globalNotificationSys must still be set before the layer
// is first asked for StorageInfo, and have the types that hook.go gives them. And at cmd/bucket-handlers.go:
// DeleteMultipleObjectsHandler must do no more than deletes.go knows of; at cmd/iam.go:
// users and keys must be looked up as barred.go does.
const forkVersion = "github.com/juicedata/minio v0.0.0-20260515071949-69a6cfc9da65"

func TestForkIsTheOneThatTheHookWasMadeFor(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "replace github.com/minio/minio => "+forkVersion+"\n") {
		t.Errorf("go.mod does not replace github.com/minio/minio by %s", forkVersion)
	}
}

func TestHookPutsTheFrontFirst(t *testing.T) {
	before := forkHandlers
	if len(before) == forkHandlerCount+1 {
		t.Skip("a process serves one gateway, once: not with -count")
	}
	defer func() { forkHandlers = before }()
	if len(before) != forkHandlerCount {
		t.Fatalf("the fork has %d handlers, want %d", len(before), forkHandlerCount)
	}
	called := false
	if err := mount(func(next http.Handler) http.Handler { called = true; return next }); err != nil {
		t.Fatal(err)
	}
	forkHandlers[0](http.NotFoundHandler())
	if !called {
		t.Error("the first handler is not the front")
	}
	if err := mount(nil); err == nil {
		t.Error("a second gateway in the process is not refused")
	}
}

func TestFailuresAreTheServersOwn(t *testing.T) {
	if f := stockFailure(minio.ErrNone); f != nil {
		t.Errorf("got %v for no error", f)
	}
	if f := stockFailure(minio.ErrAccessDenied); f == nil || f.Status != http.StatusForbidden || f.Code != "AccessDenied" {
		t.Errorf("got %v", f)
	}
	if f := stockFailure(-1); f == nil || f.Status != http.StatusInternalServerError {
		t.Errorf("got %v for a code that does not exist", f)
	}
}
