package front

import (
	"context"
	"errors"
	"strings"
)

// What a Condition answers when it does not hold.
var (
	// ErrNotMet is returned when the object that is there is not what was demanded: 412.
	ErrNotMet = errors.New("condition of the write is not met")
	// ErrAbsent is returned when an object was demanded and there is none: 404.
	ErrAbsent = errors.New("object of the condition does not exist")
)

// Condition is what a write demands of the object that it replaces or removes. The zero Condition demands nothing. The
// layer decides it inside the transaction of the write.
type Condition struct {
	IfMatch     string // value of the header: "*" or entity tags; empty: none
	IfNoneMatch string // likewise
}

// WithCondition puts a condition into the context of a write.
func WithCondition(ctx context.Context, c Condition) context.Context {
	return With(ctx, &Request{Origin: OriginOf(ctx), Condition: c})
}

// ConditionOf returns the condition in a context.
func ConditionOf(ctx context.Context) Condition { return Of(ctx).Condition }

// Check tells whether the condition holds for the object that is there, by its entity tag without quotes (empty: unknown,
// equal to none). Errors: ErrNotMet, ErrAbsent.
func (c Condition) Check(exists bool, tag string) error {
	if c.IfMatch != "" {
		switch {
		case !exists:
			return ErrAbsent
		case !matches(c.IfMatch, tag):
			return ErrNotMet
		}
	}
	if c.IfNoneMatch != "" && exists && matches(c.IfNoneMatch, tag) {
		return ErrNotMet
	}
	return nil
}

// matches reports whether a header's value names the entity tag. Weakness is ignored, as S3 has no weak tags.
func matches(header, tag string) bool {
	for v := range strings.SplitSeq(header, ",") {
		v = strings.TrimPrefix(strings.TrimSpace(v), "W/")
		if v == "*" || tag != "" && strings.Trim(v, `"`) == tag {
			return true
		}
	}
	return false
}
