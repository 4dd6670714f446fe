"""How far a ball flies, with air resistance."""

import math

speed = 30.0  # m/s
angle_deg = 45.0
drag = 0.01  # 1/m; 0 is a vacuum
gravity = 9.81  # m/s^2
step_s = 0.001

angle = math.radians(angle_deg)
velocity = (speed * math.cos(angle), speed * math.sin(angle))


def main():
    x = y = 0.0
    vx, vy = velocity
    while y >= 0:
        v = math.hypot(vx, vy)
        vx -= drag * v * vx * step_s
        vy -= (gravity + drag * v * vy) * step_s
        x += vx * step_s
        y += vy * step_s
    print(f"{speed:g} m/s at {angle_deg:.1f} degrees: {x:.2f} m")
    return round(x, 2)


if __name__ == "__main__":
    main()
