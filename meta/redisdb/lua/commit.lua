-- Compares what a transaction relied on, then applies what it writes. It knows no operation and no number of 64 bits. It
-- starts with path.lua.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     how many checks, the prefix of all keys, the path that is wanted if a check fails, the checks, the writes
--
-- The path is a number of names, 0 if none is wanted, and if there are any the directory, whether the attributes of the last
-- inode are wanted (1 or 0), and the names.
--
-- A check is a letter, a key, and what the letter wants:
--   e field value      the field has the value          n field        there is no such field
--   f field value else the same, a missing field counts as else
--   E value            the string is the value          A head tail    the attribute starts and ends like that
--   X                  the key exists                   L value        the elements of the list make the value
--   z member score     the member has the score         y member       there is no such member in the sorted set
--   m member           the member is in the set         w member       it is not
--   H n field value... the hash is exactly that         Z n name...    the hash has no other fields than these
--   N n key...         none of the keys exists (in place of the key: n)
-- A write is a number of arguments and that many: a command of Redis, or one of the words below.
--
-- Answer: 1; or {check, known, value, walk} of the first check that fails, counted from 0, with the value if known is 1, and
-- what the path met if one is wanted; or {-1, 0, error} if a write failed after others had been done.
local call, pcall, A, P = redis.call, redis.pcall, ARGV, ARGV[2]
local byte, char, floor = string.byte, string.char, math.floor
local names = tonumber(A[3])
local at = names > 0 and 6 + names or 4

for i = 1, tonumber(A[1]) do
  local op, key, ok, now = A[at], A[at + 1], false, nil
  if op == 'e' then
    now = call('HGET', key, A[at + 2])
    ok = now == A[at + 3]
    at = at + 4
  elseif op == 'n' then
    now = call('HGET', key, A[at + 2])
    ok = not now
    at = at + 3
  elseif op == 'A' then
    now = call('GET', key)
    ok = now and #now >= 63 and now:sub(1, 11) == A[at + 2] and now:sub(64) == A[at + 3]
    at = at + 4
  elseif op == 'E' then
    now = call('GET', key)
    ok = now == A[at + 2]
    at = at + 3
  elseif op == 'N' then
    local n = tonumber(key)
    ok = call('EXISTS', unpack(A, at + 2, at + 1 + n)) == 0
    at = at + 2 + n
  elseif op == 'X' then
    ok = call('EXISTS', key) == 1
    at = at + 2
  elseif op == 'f' then
    ok = (call('HGET', key, A[at + 2]) or A[at + 4]) == A[at + 3]
    at = at + 5
  elseif op == 'L' then
    now = table.concat(call('LRANGE', key, 0, -1))
    ok = now == A[at + 2]
    if now == '' then now = false end
    at = at + 3
  elseif op == 'z' then
    now = call('ZSCORE', key, A[at + 2])
    ok = now == A[at + 3]
    at = at + 4
  elseif op == 'y' then
    now = call('ZSCORE', key, A[at + 2])
    ok = not now
    at = at + 3
  elseif op == 'm' then
    ok = call('SISMEMBER', key, A[at + 2]) == 1
    at = at + 3
  elseif op == 'w' then
    ok = call('SISMEMBER', key, A[at + 2]) == 0
    at = at + 3
  elseif op == 'H' then
    local n = tonumber(A[at + 2])
    ok = call('HLEN', key) == n
    for f = at + 3, at + 1 + 2 * n, 2 do
      ok = ok and call('HGET', key, A[f]) == A[f + 1]
    end
    at = at + 3 + 2 * n
  elseif op == 'Z' then
    local n = tonumber(A[at + 2])
    local left = call('HLEN', key)
    for f = at + 3, at + 2 + n, 1000 do
      if left == 0 then break end
      for _, v in ipairs(call('HMGET', key, unpack(A, f, math.min(f + 999, at + 2 + n)))) do
        if v then left = left - 1 end
      end
    end
    ok = left == 0
    at = at + 3 + n
  else
    return redis.error_reply('ERR unknown check')
  end
  if not ok then
    local met = names > 0 and walk(P, A[4], A, 6, 5 + names, 0, A[5] == '1', false)
    return { i - 1, now ~= nil and 1 or 0, now or false, met }
  end
end

-- The first write may be refused by the server, which then refuses the whole. A later one fails only on a record of a wrong
-- type; the others are done all the same, since nothing can be undone.
local wrote, failed = false, nil
local function write(...)
  if not wrote then
    call(...)
    wrote = true
    return
  end
  local r = pcall(...)
  if type(r) == 'table' and r.err then failed = failed or r.err end
end

-- Adds to fields of hashes, those deltas that are not zero.
local function add(hashes, field, from)
  for i = 1, #hashes do
    if A[from + i] ~= '0' then write('HINCRBY', P .. hashes[i], field, A[from + i]) end
  end
end

local words = {
  -- key, 12 bytes: moves mtime and ctime forward. The comparison is of bytes, the first of which has the sign.
  ['.touch'] = function(f)
    local have, want = call('GETRANGE', A[f], 23, 34), A[f + 1]
    for i = 1, 12 do
      local h, w = byte(have, i), byte(want, i)
      if i == 1 then h, w = (h + 128) % 256, (w + 128) % 256 end
      if h ~= w then
        if h < w then write('SETRANGE', A[f], 23, want .. want) end
        return
      end
    end
  end,
  -- key, delta: adds to the link count.
  ['.nlink'] = function(f)
    local a, b, c, d = byte(call('GETRANGE', A[f], 47, 50), 1, 4)
    local n = (((a * 256 + b) * 256 + c) * 256 + d + tonumber(A[f + 1])) % 4294967296
    write('SETRANGE', A[f], 47, char(floor(n / 16777216), floor(n / 65536) % 256, floor(n / 256) % 256, n % 256))
  end,
  -- inode, three deltas: adds to directory statistics if there are any.
  ['.stat'] = function(f)
    if call('HEXISTS', P .. 'dirUsedSpace', A[f]) == 1 then
      add({ 'dirDataLength', 'dirUsedSpace', 'dirUsedInodes' }, A[f], f)
    end
  end,
  -- letters of the type, key, limits of a new one, two deltas: adds to a quota. Without limits it is not made.
  ['.quota'] = function(f)
    local kind, field, limits = A[f], A[f + 1], A[f + 2]
    if limits == '' then
      if call('HEXISTS', P .. kind .. 'Quota', field) == 0 and call('HEXISTS', P .. kind .. 'QuotaUsedInodes', field) == 0 then return end
    else
      write('HSETNX', P .. kind .. 'Quota', field, limits)
    end
    write('HINCRBY', P .. kind .. 'QuotaUsedSpace', field, A[f + 3])
    write('HINCRBY', P .. kind .. 'QuotaUsedInodes', field, A[f + 4])
  end,
  -- key, then owners and locks: sets who holds a lock, and which sessions know of it.
  ['.lock'] = function(f, to)
    local key, before, after = A[f], {}, {}
    for _, field in ipairs(call('HKEYS', key)) do before[field:match('^%d*')] = true end
    if next(before) then write('DEL', key) end
    for i = f + 1, to, 2 do
      write('HSET', key, A[i], A[i + 1])
      local sid = A[i]:match('^%d*')
      before[sid] = nil
      if not after[sid] then write('SADD', P .. 'locked' .. sid, key) end
      after[sid] = true
    end
    for sid in pairs(before) do write('SREM', P .. 'locked' .. sid, key) end
  end,
  -- inode: removes all chunks of a file. This looks at every key of the server; nothing that happens often does it.
  ['.drop'] = function(f)
    for _, key in ipairs(call('KEYS', P .. 'c' .. A[f] .. '_*')) do write('DEL', key) end
  end,
}

while at <= #A do
  local to = at + tonumber(A[at])
  local word = words[A[at + 1]]
  if word then
    word(at + 2, to)
  else
    write(unpack(A, at + 1, to))
  end
  at = to + 1
end
if failed then return { -1, 0, failed } end
return 1
