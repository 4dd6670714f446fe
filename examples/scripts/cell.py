"""A config cell says which globals are parameters: the names between the markers, and no others."""

# %% kogine:config
principal = 1000.0
rate_percent = 5.0
years = 3
monthly_rate = rate_percent / 100 / 12
# %% kogine:script

balance = principal
for _ in range(years * 12):
    balance *= 1 + monthly_rate
print(f"{principal:.2f} at {rate_percent:g} % for {years} years: {balance:.2f}")
