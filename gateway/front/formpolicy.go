package front

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// policy is what the signer of a form allows the one who fills it in.
type policy struct {
	expires    time.Time
	conditions []condition
}

// condition is one of a policy.
type condition struct {
	prefix bool // the value is what the field begins with
	field  string
	value  string
}

func badPolicy(message string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidPolicyDocument", Message: "Invalid Policy: " + message}
}

func policyFailed(message string) *Failure {
	return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Invalid according to Policy: " + message}
}

// parsePolicy reads a policy.
func parsePolicy(encoded string) (*policy, *Failure) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, badPolicy("Invalid base64.")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return nil, badPolicy("Invalid JSON.")
	}
	for name := range members {
		if name != "expiration" && name != "conditions" { // names have a case
			return nil, badPolicy("Unexpected: '" + name + "'.")
		}
	}
	var expiration *string
	if raw, ok := members["expiration"]; !ok || json.Unmarshal(raw, &expiration) != nil || expiration == nil {
		return nil, badPolicy("Policy missing expiration.")
	}
	var conditions []json.RawMessage
	if raw, ok := members["conditions"]; !ok || json.Unmarshal(raw, &conditions) != nil || conditions == nil {
		return nil, badPolicy("Policy missing conditions.")
	}
	p := &policy{}
	if p.expires, err = time.Parse(time.RFC3339Nano, *expiration); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: '" + *expiration + "'.")
	}
	for _, raw := range conditions {
		c, fail := parseCondition(raw)
		if fail != nil {
			return nil, fail
		}
		if c != nil {
			p.conditions = append(p.conditions, *c)
		}
	}
	return p, nil
}

// parseCondition reads one; nil without a failure is one of the length, which the server decides.
func parseCondition(raw json.RawMessage) (*condition, *Failure) {
	var simple map[string]string
	if json.Unmarshal(raw, &simple) == nil && simple != nil {
		if len(simple) != 1 {
			return nil, badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for name, value := range simple {
			return &condition{field: strings.ToLower(name), value: value}, nil
		}
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
		return nil, badPolicy("Invalid Condition: wrong number of arguments.")
	}
	var operator, field, value string
	if json.Unmarshal(list[0], &operator) != nil {
		return nil, badPolicy("Invalid Condition: unknown operation.")
	}
	switch operator = strings.ToLower(operator); operator {
	case "content-length-range":
		for _, limit := range list[1:] {
			if n, ok := wholeNumber(limit); !ok || n < 0 {
				return nil, badPolicy("Invalid content-length-range: arguments must be integers.")
			}
		}
		return nil, nil //nolint:nilnil // see above
	case "eq", "starts-with":
	default:
		return nil, badPolicy("Invalid Condition: unknown operation '" + operator + "'.")
	}
	if json.Unmarshal(list[1], &field) != nil || json.Unmarshal(list[2], &value) != nil || len(field) < 2 || field[0] != '$' {
		return nil, badPolicy("Invalid Condition: arguments must be a field and a text.")
	}
	return &condition{prefix: operator == "starts-with", field: strings.ToLower(field[1:]), value: value}, nil
}

// wholeNumber reads an integer, which may be written as a text.
func wholeNumber(raw json.RawMessage) (n int64, ok bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	return n, json.Unmarshal(raw, &n) == nil
}

// free are the fields that need no condition.
var free = []string{"policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"}

// check compares fields with a policy: every condition must hold, and every field must have one.
func (p *policy) check(fields map[string]string, bucket string, now time.Time) *Failure {
	if !p.expires.After(now) {
		return policyFailed("Policy expired.")
	}
	covered := map[string]bool{}
	for _, c := range p.conditions {
		value, ok := fields[c.field]
		if c.field == "bucket" {
			value, ok = bucket, true
		}
		if !ok && (c.value != "" || !c.prefix) || !c.holds(value) {
			operator := "eq"
			if c.prefix {
				operator = "starts-with"
			}
			return policyFailed(`Policy Condition failed: ["` + operator + `", "$` + c.field + `", "` + c.value + `"]`)
		}
		covered[c.field] = true
	}
	if !covered["bucket"] {
		return policyFailed("Extra input fields: bucket")
	}
	for name := range fields {
		if !covered[name] && !slices.Contains(free, name) && !strings.HasPrefix(name, "x-ignore-") {
			return policyFailed("Extra input fields: " + name)
		}
	}
	return nil
}

func (c *condition) holds(value string) bool {
	switch {
	case !c.prefix:
		return value == c.value
	case c.field == "content-type": // each of a list
		for v := range strings.SplitSeq(value, ",") {
			if !strings.HasPrefix(strings.TrimSpace(v), c.value) {
				return false
			}
		}
		return true
	}
	return strings.HasPrefix(value, c.value)
}
