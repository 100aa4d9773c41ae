-- Touches a key that was not named beforehand, as our scripts do, and answers 1 if the server compares strings as bytes.
redis.call('EXISTS', ARGV[1])
redis.call('EXISTS', ARGV[2])
local order = { '\1', ' ', '-', '.', 'A', 'B', 'a', 'aB', 'a\127', 'b', '\195\169', '\255' }
for i = 2, #order do
  if not (order[i - 1] < order[i]) then return 0 end
end
return 1
