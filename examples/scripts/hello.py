name = "world"
greeting = f"Hello, {name}!"

print(greeting)
