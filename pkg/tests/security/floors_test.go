package security

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
)

// TestDependencyFloors: the S3 server asks for old versions of these, which have known holes that it reaches. Ours are at
// least those that close them; docs/security.md has the list.
func TestDependencyFloors(t *testing.T) {
	t.Parallel()
	for module, floor := range map[string]string{
		"github.com/jackc/pgx/v5":         "v5.9.2",
		"golang.org/x/net":                "v0.56.0",
		"golang.org/x/text":               "v0.39.0",
		"golang.org/x/crypto":             "v0.52.0",
		"golang.org/x/sys":                "v0.44.0",
		"github.com/redis/go-redis/v9":    "v9.6.3",
		"github.com/tidwall/gjson":        "v1.9.3",
		"google.golang.org/protobuf":      "v1.33.0",
		"github.com/Azure/go-ntlmssp":     "v0.1.1",
		"github.com/golang-jwt/jwt/v4":    "v4.5.2",
		"github.com/coredns/coredns":      "v1.14.7",
		"github.com/go-asn1-ber/asn1-ber": "v1.5.1",
	} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module)
		cmd.Dir = oracle.Root(t)
		out, err := cmd.Output()
		must(t, err)
		if version := strings.TrimSpace(string(out)); before(t, version, floor) {
			t.Errorf("%s %s is older than %s", module, version, floor)
		}
	}
}

// before compares versions without suffixes.
func before(t *testing.T, a, b string) bool {
	t.Helper()
	number := func(s string) (v [3]int) {
		s, _, _ = strings.Cut(s, "-")
		if _, err := fmt.Sscanf(s, "v%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
			t.Fatalf("version %q: %v", s, err)
		}
		return v
	}
	x, y := number(a), number(b)
	for k := range x {
		if x[k] != y[k] {
			return x[k] < y[k]
		}
	}
	return false
}
